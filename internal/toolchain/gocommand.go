package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"orderflow/internal/procgroup"
)

// goCommand runs the Go command in one folder.
type goCommand struct {
	dir     string
	env     []string
	starter *procgroup.Starter
}

// toolEnvironment is the user's environment without what would change how the
// tools are built. Values that the user has set with `go env -w` count too, and
// an empty variable does not override those: so each is given a value.
func toolEnvironment(user []string) []string {
	return append(slices.Clone(user),
		"GOFLAGS=-mod=readonly",
		"GOWORK=off",
		"GO111MODULE=on",
		"GOOS="+runtime.GOOS,
		"GOARCH="+runtime.GOARCH,
		"CGO_ENABLED=0",
	)
}

// run runs the command. Each line that it prints on standard error goes to
// line; what it prints on standard output is returned. When the context ends,
// the Go command and its compilers are killed.
func (g goCommand) run(ctx context.Context, line func(string), args ...string) (string, error) {
	program, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("the Go command is needed: %w", err)
	}
	var stdout bytes.Buffer
	stderr := &lineSplitter{emit: line}
	// The end of ctx must reach the compilers too: see below.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	cmd.WaitDelay = time.Second
	if err := g.starter.Start(cmd); err != nil {
		return "", fmt.Errorf("running go %s: %w", args[0], err)
	}
	stop := context.AfterFunc(ctx, func() { _ = procgroup.Kill(cmd.Process.Pid) })
	err = cmd.Wait()
	stop()
	stderr.flush()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return stdout.String(), nil
}

// lineSplitter calls emit for each line.
type lineSplitter struct {
	emit    func(string)
	partial []byte
}

func (s *lineSplitter) Write(text []byte) (int, error) {
	s.partial = append(s.partial, text...)
	for {
		line, rest, found := bytes.Cut(s.partial, []byte{'\n'})
		if !found {
			return len(text), nil
		}
		s.emit(string(line))
		s.partial = rest
	}
}

func (s *lineSplitter) flush() {
	if len(s.partial) > 0 {
		s.emit(string(s.partial))
		s.partial = nil
	}
}

// complaint keeps the last lines that tell a person why a command failed.
type complaint []string

const complaintLines = 15

func (c *complaint) add(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	*c = append(*c, line)
	if len(*c) > complaintLines {
		*c = (*c)[1:]
	}
}

// explain adds the lines to the error.
func (c complaint) explain(err error) error {
	if err == nil || len(c) == 0 || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w\n%s", err, strings.Join(c, "\n"))
}

// isPackage reports whether a line of `go build -v` is the name of a package
// that is being compiled, and not a message.
func isPackage(line string) bool {
	return line != "" && !strings.HasPrefix(line, "#") && !strings.ContainsAny(line, " \t:")
}
