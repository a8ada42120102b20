package toolchain_test

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"

	"orderflow/internal/toolchain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// brew is a tool that only these tests have.
var brew = toolchain.Tool{Name: "brew", Folder: "brew"}

const brewSource = `package main

func main() { println("brewed") }
`

// project makes a project whose tools/brew pins example.com/brew v1.2.3, which
// a module proxy in the file system serves. Nothing is asked of the network.
func project(t *testing.T, source string) (root string) {
	t.Helper()
	root, proxy, cache := t.TempDir(), t.TempDir(), t.TempDir()
	source += "\n// " + root + " makes this source new to the build cache.\n"
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("GOMODCACHE", cache)
	t.Cleanup(func() { makeWritable(t, cache) })

	brewModule := module.Version{Path: "example.com/brew", Version: "v1.2.3"}
	goMod := "module example.com/brew\n\ngo 1.26\n"
	files := []zip.File{sourceFile{"go.mod", goMod}, sourceFile{"main.go", source}}
	var archive bytes.Buffer
	require.NoError(t, zip.Create(&archive, brewModule, files))
	served := filepath.Join(proxy, "example.com", "brew", "@v")
	write(t, filepath.Join(served, "v1.2.3.info"), `{"Version":"v1.2.3"}`)
	write(t, filepath.Join(served, "v1.2.3.mod"), goMod)
	write(t, filepath.Join(served, "v1.2.3.zip"), archive.String())

	sum, err := dirhash.HashZip(filepath.Join(served, "v1.2.3.zip"), dirhash.Hash1)
	require.NoError(t, err)
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return readCloser{strings.NewReader(goMod)}, nil
	})
	require.NoError(t, err)

	write(t, filepath.Join(root, "go.mod"), "module orderflow\n\ngo 1.26\n")
	write(t, filepath.Join(root, "tools", "brew", "go.mod"),
		"module orderflow/tools/brew\n\ngo 1.26\n\ntool (\n\texample.com/brew\n\texample.com/brew/cmd/other\n)\n\nrequire example.com/brew v1.2.3 // indirect\n")
	write(t, filepath.Join(root, "tools", "brew", "go.sum"),
		"example.com/brew v1.2.3 "+sum+"\nexample.com/brew v1.2.3/go.mod "+modSum+"\n")
	return root
}

func TestFindBuildsTheToolOnceAndSaysHowFarItIs(t *testing.T) {
	root := project(t, brewSource)
	var seen progress
	finder := toolchain.Finder{Root: root, Report: seen.report}

	path, err := finder.Find(t.Context(), brew, "")
	require.NoError(t, err)
	assert.Equal(t, "brewed\n", runProgram(t, path))
	assert.Contains(t, filepath.Base(path), "brew-v1.2.3-")
	phases := seen.phases()
	assert.Equal(t, toolchain.Downloading, phases[0])
	assert.Contains(t, phases, toolchain.Compiling)
	assert.Equal(t, toolchain.Finished, phases[len(phases)-1])

	before := len(phases)
	again, err := finder.Find(t.Context(), brew, "")
	require.NoError(t, err)
	assert.Equal(t, path, again)
	assert.Len(t, seen.phases(), before, "nothing is built again")
}

func TestUsersGoSettingsDoNotReachTheBuild(t *testing.T) {
	root := project(t, brewSource)
	t.Setenv("GOFLAGS", "-mod=vendor -tags=broken")
	t.Setenv("GOWORK", filepath.Join(root, "no-such.work"))
	t.Setenv("GOOS", "plan9")
	t.Setenv("GO111MODULE", "off")
	path, err := toolchain.Finder{Root: root}.Find(t.Context(), brew, "")
	require.NoError(t, err)
	assert.Equal(t, "brewed\n", runProgram(t, path))
}

func TestBuildsAtTheSameTimeWaitForEachOther(t *testing.T) {
	root := project(t, brewSource)
	var seen progress
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			path, err := toolchain.Finder{Root: root, Report: seen.report}.Find(t.Context(), brew, "")
			assert.NoError(t, err)
			assert.FileExists(t, path)
		})
	}
	group.Wait()
	finished := 0
	for _, phase := range seen.phases() {
		if phase == toolchain.Finished {
			finished++
		}
	}
	assert.Equal(t, 1, finished)
}

func TestToolThatDoesNotCompileSaysWhyAndLeavesNothing(t *testing.T) {
	root := project(t, "package main\n\nfunc main() { undefined() }\n")
	_, err := toolchain.Finder{Root: root}.Find(t.Context(), brew, "")
	require.ErrorContains(t, err, "building brew v1.2.3")
	require.ErrorContains(t, err, "undefined: undefined")
	assertEmpty(t, toolchain.BinFolder(root))
}

func TestToolWithAWrongChecksumIsRefused(t *testing.T) {
	root := project(t, brewSource)
	sums := filepath.Join(root, "tools", "brew", "go.sum")
	text, err := os.ReadFile(sums)
	require.NoError(t, err)
	write(t, sums, strings.Replace(string(text), "h1:", "h1:AAAA", 1))
	_, err = toolchain.Finder{Root: root}.Find(t.Context(), brew, "")
	require.Error(t, err)
	assertEmpty(t, toolchain.BinFolder(root))
}

func TestBuildEndsWithItsContext(t *testing.T) {
	root := project(t, brewSource)
	ctx, cancel := context.WithCancel(t.Context())
	cancelAtOnce := func(toolchain.Progress) { cancel() }
	_, err := toolchain.Finder{Root: root, Report: cancelAtOnce}.Find(ctx, brew, "")
	require.ErrorIs(t, err, context.Canceled)
	assertEmpty(t, toolchain.BinFolder(root))
}

func TestProgramOnPathIsUsedWhenItIsOfTheRightVersion(t *testing.T) {
	cases := map[string]struct {
		says string
		used bool
	}{
		"same version":        {"brew version 1.2.3 (Server 9.9.9)", true},
		"same version with v": {"Brew v1.2.3", true},
		"other version":       {"brew version 1.2.4 (Server 1.2.3)", false},
		"pre-release":         {"brew version 1.2.3-rc.1", false},
		"longer version":      {"brew version 1.2.30", false},
		"development build":   {"brew version 0.0.0-DEV", false},
		"no version":          {"hello", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := project(t, brewSource)
			path := t.TempDir()
			onPath := filepath.Join(path, "brew")
			write(t, onPath, "#!/bin/sh\necho '"+c.says+"'\n")
			require.NoError(t, os.Chmod(onPath, 0o755))
			t.Setenv("PATH", path+string(os.PathListSeparator)+os.Getenv("PATH"))

			found, err := toolchain.Finder{Root: root}.Find(t.Context(), brew, "")
			require.NoError(t, err)
			if c.used {
				assert.Equal(t, onPath, found)
			} else {
				assert.NotEqual(t, onPath, found)
			}
		})
	}
}

func TestProgramThatASettingNamesIsUsed(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own")
	write(t, own, "#!/bin/sh\n")
	require.NoError(t, os.Chmod(own, 0o755))
	found, err := toolchain.Finder{}.Find(t.Context(), brew, own)
	require.NoError(t, err)
	assert.Equal(t, own, found)

	_, err = toolchain.Finder{}.Find(t.Context(), brew, own+"-missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestEveryToolOfTheProjectIsPinned(t *testing.T) {
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	pinned := map[string]string{}
	for _, tool := range toolchain.Tools() {
		version, err := tool.Version(root)
		require.NoError(t, err)
		pinned[tool.Name] = version
	}
	assert.Equal(t, map[string]string{"temporal": "v1.5.1", "consul": "v1.13.9", "golangci-lint": "v2.15.0"}, pinned)
}

func TestProjectRootIsFoundFromBelowOnly(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module orderflow\n")
	write(t, filepath.Join(root, "tools", "brew", "go.mod"), "module orderflow/tools/brew\n")
	found, err := toolchain.ProjectRoot(filepath.Join(root, "tools", "brew"))
	require.NoError(t, err)
	assert.Equal(t, root, found)
	_, err = toolchain.ProjectRoot(filepath.Dir(root))
	require.ErrorIs(t, err, toolchain.ErrNoProject)
}

// progress keeps what was reported.
type progress struct {
	mu   sync.Mutex
	seen []toolchain.Progress
}

func (p *progress) report(one toolchain.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, one)
}

func (p *progress) phases() []toolchain.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	phases := make([]toolchain.Phase, len(p.seen))
	for i, one := range p.seen {
		phases[i] = one.Phase
	}
	return phases
}

func runProgram(t *testing.T, path string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), path).CombinedOutput()
	require.NoError(t, err)
	return string(output)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func assertEmpty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// makeWritable lets the test remove a module cache, which is read-only.
func makeWritable(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return err
	}))
}
