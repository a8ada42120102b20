package toolchain

import (
	"errors"
	"fmt"
	"os"
	gopath "path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Tool is a program that the project needs.
type Tool struct {
	// Name is the program's name, on PATH and in .tools/bin.
	Name string
	// Folder below tools/ holds the go.mod that pins it.
	Folder string
	// versionArgs make the program print its version.
	versionArgs []string
}

// The tools of this project.
var (
	Temporal = Tool{Name: "temporal", Folder: "temporal", versionArgs: []string{"--version"}}
	Consul   = Tool{Name: "consul", Folder: "consul", versionArgs: []string{"version"}}
	Linter   = Tool{Name: "golangci-lint", Folder: "lint", versionArgs: []string{"version"}}
)

// Tools lists them all.
func Tools() []Tool { return []Tool{Temporal, Consul, Linter} }

// projectModule is what the root go.mod is known by.
const projectModule = "orderflow"

// ErrNoProject says that a folder lies outside the project.
var ErrNoProject = errors.New("not inside the project: no go.mod of module " + projectModule + " in this folder or above")

// ProjectRoot is the folder of the project's go.mod, searched from dir upwards.
func ProjectRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("finding the project: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && modfile.ModulePath(text) == projectModule {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNoProject
		}
		dir = parent
	}
}

// pin is what a tool's go.mod says.
type pin struct {
	pkg     string // the main package
	module  string
	version string // with the leading v
	modules []moduleVersion
}

type moduleVersion struct{ path, version string }

// readPin reads the tool line for the program from a go.mod.
func readPin(path, program string) (pin, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return pin{}, fmt.Errorf("reading a tool's version: %w", err)
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return pin{}, fmt.Errorf("reading a tool's version: %w", err)
	}
	var p pin
	for _, tool := range file.Tool {
		if gopath.Base(tool.Path) == program {
			p.pkg = tool.Path
		}
	}
	if p.pkg == "" {
		return pin{}, fmt.Errorf("reading a tool's version: %s has no tool line for %s", path, program)
	}
	for _, require := range file.Require {
		p.modules = append(p.modules, moduleVersion{require.Mod.Path, require.Mod.Version})
		// The package belongs to the module with the longest matching path.
		if inModule(p.pkg, require.Mod.Path) && len(require.Mod.Path) > len(p.module) {
			p.module, p.version = require.Mod.Path, require.Mod.Version
		}
	}
	if p.module == "" {
		return pin{}, fmt.Errorf("reading a tool's version: %s requires no module that holds %s", path, p.pkg)
	}
	return p, nil
}

func inModule(pkg, module string) bool {
	return pkg == module || strings.HasPrefix(pkg, module+"/")
}

// Version is the tool's pinned version, such as "v1.5.1".
func (t Tool) Version(root string) (string, error) {
	p, err := t.pin(root)
	return p.version, err
}

func (t Tool) pin(root string) (pin, error) {
	return readPin(t.pinFile(root), t.Name)
}

func (t Tool) pinFile(root string) string {
	return filepath.Join(root, "tools", t.Folder, "go.mod")
}
