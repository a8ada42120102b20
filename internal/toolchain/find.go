package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"orderflow/internal/filelock"
)

// Finder finds tools for one checkout of the project.
type Finder struct {
	// Root is the project's folder, see ProjectRoot.
	Root string
	// Report is told how a build gets on; nil means silence.
	Report Report
}

// Find returns the path of the tool, building it if it must. Explicit, when not
// empty, is the program that a setting asks for; it is used whatever its
// version. An error is for a person: what is missing or did not build.
func (f Finder) Find(ctx context.Context, tool Tool, explicit string) (string, error) {
	if explicit != "" {
		path, err := exec.LookPath(explicit)
		if err != nil {
			return "", fmt.Errorf("the %s program that a setting names: %w", tool.Name, err)
		}
		return filepath.Abs(path)
	}
	p, err := tool.pin(f.Root)
	if err != nil {
		return "", err
	}
	if path, err := exec.LookPath(tool.Name); err == nil && hasVersion(ctx, path, tool, p) {
		return filepath.Abs(path)
	}
	path := f.builtPath(tool, p)
	if isProgram(path) {
		return path, nil
	}
	if err := f.build(ctx, tool, p, path); err != nil {
		return "", fmt.Errorf("building %s %s: %w", tool.Name, p.version, err)
	}
	return path, nil
}

// builtPath names the file by everything that it depends on.
func (f Finder) builtPath(tool Tool, p pin) string {
	name := fmt.Sprintf("%s-%s-%s-%s", tool.Name, p.version, runtime.GOOS, runtime.GOARCH)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(BinFolder(f.Root), name)
}

// BinFolder is where built programs are kept. It holds nothing else; git
// ignores it.
func BinFolder(root string) string {
	return filepath.Join(root, ".tools", "bin")
}

// workFolder is for locks and unfinished builds. It is on the file system of
// BinFolder, so that a finished build can be renamed into it.
func workFolder(root string) string {
	return filepath.Join(root, ".tools", "work")
}

func makeFolders(root string) error {
	return errors.Join(os.MkdirAll(BinFolder(root), 0o755), os.MkdirAll(workFolder(root), 0o755))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// build builds the tool under a temporary name, so that a build that is broken
// off leaves nothing that looks like the tool.
func (f Finder) build(ctx context.Context, tool Tool, p pin, path string) (err error) {
	if err := makeFolders(f.Root); err != nil {
		return err
	}
	task := tool.Name + " " + p.version
	unfinished := filepath.Join(workFolder(f.Root), filepath.Base(path))
	lock, err := filelock.Acquire(ctx, unfinished+".lock", func() { f.Report.waiting(task) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if isProgram(path) {
		return nil // by the process that had the lock
	}

	b := newBuild(filepath.Dir(tool.pinFile(f.Root)), task, toolEnvironment(os.Environ()), f.Report)
	defer b.close()
	if err := b.download(ctx, p.modules); err != nil {
		return err
	}
	// Without cgo the tool needs no C compiler to build and no C library to
	// run; both servers use an SQLite and a resolver in Go.
	if err := b.compileTool(ctx, p.pkg, unfinished); err != nil {
		return errors.Join(err, removeIfThere(unfinished))
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	b.finished()
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
