//go:build unix

package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/supervisor"
)

// The test binary is also the child process: with childMode set it plays one
// of the roles below instead of running tests.
const (
	childMode = "SUPERVISOR_TEST_CHILD"
	childName = "SUPERVISOR_TEST_NAME"
	childDir  = "SUPERVISOR_TEST_DIR"
)

func TestMain(m *testing.M) {
	if mode := os.Getenv(childMode); mode != "" {
		os.Exit(playChild(mode))
	}
	goleak.VerifyTestMain(m)
}

func playChild(mode string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	switch mode {
	case "serve": // until SIGTERM
		note("up")
		<-terminated
		note("down")
		return 0
	case "stubborn": // ignores SIGTERM
		note("up")
		for range terminated {
			note("refused")
		}
	case "crash":
		fmt.Fprintln(os.Stdout, "cannot open the store")
		return 3
	case "crash-twice":
		note("try")
		if strings.Count(readNotes(os.Getenv(childDir)), "try") <= 2 {
			return 3
		}
		note("up")
		<-terminated
		return 0
	case "quit": // ends well, unasked
		return 0
	case "parent": // leaves a process of its own behind
		grandchild := exec.Command(os.Args[0])
		grandchild.Env = append(os.Environ(), childMode+"=stubborn", childName+"=grandchild")
		grandchild.Stdout = os.Stdout // keeps the pipe of the parent open
		if err := grandchild.Start(); err != nil {
			return 1
		}
		note("started " + strconv.Itoa(grandchild.Process.Pid))
		<-terminated
		return 0
	case "speak":
		fmt.Fprintln(os.Stdout, `{"level":"info","msg":"quiet"}`)
		fmt.Fprintln(os.Stdout, `{"level":"warn","msg":"loud"}`)
		fmt.Fprintln(os.Stdout, `{"level":"error","msg":"lost"}`)
		fmt.Fprint(os.Stdout, "no line end")
		note("up")
		<-terminated
		return 0
	case "supervise": // a supervisor with two children, to be killed
		return superviseUntilKilled()
	}
	return 1
}

func superviseUntilKilled() int {
	s := supervisor.New(supervisor.Options{})
	for _, name := range []string{"one", "two"} {
		if err := s.Add(child(os.Getenv(childDir), name, "stubborn")); err != nil {
			return 1
		}
	}
	if err := s.Start(context.Background()); err != nil {
		return 1
	}
	for _, name := range []string{"one", "two"} {
		pid, err := s.Pid(name)
		if err != nil {
			return 1
		}
		fmt.Fprintln(os.Stdout, pid)
	}
	select {}
}

// note appends a line to the record that all children of a test share.
func note(text string) {
	file, err := os.OpenFile(notesFile(os.Getenv(childDir)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Fprintf(file, "%s %s\n", os.Getenv(childName), text); err != nil {
		panic(err)
	}
	if err := file.Close(); err != nil {
		panic(err)
	}
}

func notesFile(dir string) string { return filepath.Join(dir, "notes") }

func readNotes(dir string) string {
	text, err := os.ReadFile(notesFile(dir))
	if err != nil {
		return ""
	}
	return string(text)
}

// child is a process that plays the mode. It is ready once it has noted "up".
func child(dir, name, mode string, needs ...string) supervisor.Process {
	return supervisor.Process{
		Name: name,
		Command: supervisor.Fixed(supervisor.Command{
			Path: os.Args[0],
			Env:  append(os.Environ(), childMode+"="+mode, childName+"="+name, childDir+"="+dir),
		}),
		Ready: func(context.Context) error {
			if !strings.Contains(readNotes(dir), name+" up\n") {
				return fmt.Errorf("%s is not up", name)
			}
			return nil
		},
		Needs: needs,
	}
}

// gone reports whether no process of that ID runs; a zombie does not run.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}

// start starts the processes and stops them at the end of the test.
func start(t *testing.T, o supervisor.Options, processes ...supervisor.Process) *supervisor.Supervisor {
	t.Helper()
	s := supervisor.New(o)
	for _, p := range processes {
		require.NoError(t, s.Add(p))
	}
	t.Cleanup(func() {
		s.Abort()
		require.NoError(t, s.Stop())
	})
	require.NoError(t, s.Start(t.Context()))
	return s
}

// firstLines reads n lines of a running command.
func firstLines(t *testing.T, cmd *exec.Cmd, n int) []string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scanner := bufio.NewScanner(out)
	var lines []string
	for len(lines) < n && scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	require.Len(t, lines, n)
	return lines
}
