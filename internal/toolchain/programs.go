package toolchain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"orderflow/internal/filelock"
)

// Program is one of the project's own programs.
type Program struct {
	Name    string // of the file
	Package string // of its main, such as "./services/payment/server"
}

// programsTask is what the build of the project's programs is called.
const programsTask = "orderflow"

// BuildPrograms builds the project's programs into BinFolder/orderflow and
// returns that folder. It builds as `go build` does for the user, with their
// settings, so that `go run` and `go test` find the same packages in the build
// cache. When no source file has changed since the last build it does nothing,
// which takes milliseconds instead of seconds.
func BuildPrograms(ctx context.Context, root string, programs []Program, report Report) (folder string, err error) {
	folder = filepath.Join(BinFolder(root), programsTask)
	if err := errors.Join(makeFolders(root), os.MkdirAll(folder, 0o755)); err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	lock, err := filelock.Acquire(ctx, filepath.Join(workFolder(root), programsTask+".lock"), func() { report.waiting(programsTask) })
	if err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()

	record := filepath.Join(workFolder(root), programsTask+".sources")
	sources, err := fingerprint(root)
	if err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	if isBuilt(folder, programs, record, sources) {
		return folder, nil
	}
	b := newBuild(root, programsTask, os.Environ(), report)
	defer b.close()
	if err := b.programs(ctx, folder, programs); err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	if err := os.WriteFile(record, []byte(sources), 0o644); err != nil {
		return "", fmt.Errorf("building the programs: %w", err)
	}
	b.finished()
	return folder, nil
}

// programs compiles all packages in one run, and then links one program per
// processor: a run per program alone would compile what they share twice.
func (b *build) programs(ctx context.Context, folder string, programs []Program) error {
	var packages []string
	for _, program := range programs {
		packages = append(packages, program.Package)
	}
	total, err := b.countStale(ctx, packages...)
	if err != nil {
		return err
	}
	// `go list -export` compiles without linking.
	compile := append([]string{"list", "-v", "-export", "-f", "{{/* names come with -v */}}"}, packages...)
	if err := b.goBuild(ctx, total, compile...); err != nil {
		return err
	}
	b.progress(Linking, 0, 0)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, program := range programs {
		group.Go(func() error {
			var said complaint
			_, err := b.command.run(ctx, said.add, "build", "-o", filepath.Join(folder, program.Name), program.Package)
			return said.explain(err)
		})
	}
	return group.Wait()
}

// isBuilt reports whether all programs are there, built from these sources.
func isBuilt(folder string, programs []Program, record, sources string) bool {
	for _, program := range programs {
		if !isProgram(filepath.Join(folder, program.Name)) {
			return false
		}
	}
	built, err := os.ReadFile(record)
	return err == nil && string(built) == sources
}

// fingerprint changes whenever a file does that the programs may be built from,
// or what they are built with.
func fingerprint(root string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), os.Getenv("GOFLAGS"))
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && isNoSource(name) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".md") {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since the folder was read
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(hash, relative, info.Size(), info.ModTime().UnixNano())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("looking at the sources: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// isNoSource names folders that no program is built from.
func isNoSource(name string) bool {
	return strings.HasPrefix(name, ".") || name == "docs" || name == "test" || name == "testdata" || name == "tools"
}
