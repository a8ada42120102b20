package toolchain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"orderflow/internal/procgroup"
)

// downloadPoll is how often a download's progress is looked at.
const downloadPoll = 250 * time.Millisecond

// build is one build with its progress.
type build struct {
	task    string
	report  Report
	command goCommand
	began   time.Time
}

// newBuild prepares a build in a folder. Close it at the end.
func newBuild(folder, task string, env []string, report Report) *build {
	return &build{
		task:    task,
		report:  report,
		command: goCommand{dir: folder, env: env, starter: procgroup.NewStarter()},
		began:   time.Now(),
	}
}

func (b *build) close() { b.command.starter.Close() }

func (b *build) progress(phase Phase, done, total int) {
	b.report.send(Progress{Task: b.task, Phase: phase, Done: done, Total: total, Elapsed: time.Since(b.began)})
}

func (b *build) finished() { b.progress(Finished, 0, 0) }

// download fetches the modules that the module cache lacks. The Go command does
// not say how far it is, but the cache does.
func (b *build) download(ctx context.Context, modules []moduleVersion) error {
	ignore := func(string) {}
	cache, err := b.command.run(ctx, ignore, "env", "GOMODCACHE")
	if err != nil {
		return err
	}
	missing := missingModules(strings.TrimSpace(cache), modules)
	total := len(missing)
	if total == 0 {
		return nil
	}
	b.progress(Downloading, 0, total)

	var said complaint
	result := make(chan error, 1)
	go func() {
		_, err := b.command.run(ctx, said.add, "mod", "download")
		result <- err
	}()
	tick := time.NewTicker(downloadPoll)
	defer tick.Stop()
	for {
		select {
		case err := <-result:
			return said.explain(err)
		case <-tick.C:
			missing = stillMissing(missing)
			b.progress(Downloading, total-len(missing), total)
		}
	}
}

// missingModules lists the archives that the cache does not hold.
func missingModules(cache string, modules []moduleVersion) []string {
	var archives []string
	for _, m := range modules {
		path, pathErr := module.EscapePath(m.path)
		version, versionErr := module.EscapeVersion(m.version)
		if pathErr != nil || versionErr != nil {
			continue // the Go command will say so
		}
		archives = append(archives, filepath.Join(cache, "cache", "download", filepath.FromSlash(path), "@v", version+".zip"))
	}
	return stillMissing(archives)
}

func stillMissing(files []string) []string {
	var missing []string
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			missing = append(missing, file)
		}
	}
	return missing
}

// compileTool builds one program of another module, reproducibly.
func (b *build) compileTool(ctx context.Context, pkg, output string) error {
	total, err := b.countStale(ctx, "-trimpath", pkg)
	if err != nil {
		return err
	}
	return b.goBuild(ctx, total, "build", "-v", "-trimpath", "-o", output, pkg)
}

// countStale counts the packages that are not in the build cache.
func (b *build) countStale(ctx context.Context, args ...string) (int, error) {
	var said complaint
	const unlessReady = `{{if and .Stale (ne .StaleReason "not installed but available in build cache")}}{{.ImportPath}}{{end}}`
	list := append([]string{"list", "-deps", "-f", unlessReady}, args...)
	stale, err := b.command.run(ctx, said.add, list...)
	if err != nil {
		return 0, said.explain(err)
	}
	return len(strings.Fields(stale)), nil
}

// goBuild runs a build with -v and counts the packages that it names.
func (b *build) goBuild(ctx context.Context, total int, args ...string) error {
	if total == 0 {
		b.progress(Linking, 0, 0)
	} else {
		b.progress(Compiling, 0, total)
	}
	var said complaint
	done := 0
	_, err := b.command.run(ctx, func(line string) {
		if !isPackage(line) {
			said.add(line)
			return
		}
		done++
		if done < total {
			b.progress(Compiling, done, total)
			return
		}
		b.progress(Linking, 0, 0)
	}, args...)
	return said.explain(err)
}

// seconds is a duration for a person.
func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
