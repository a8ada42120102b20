package supervisor

import (
	"context"
	"fmt"
	"io"
	"time"

	"orderflow/internal/procgroup"
)

// execGrace is how long a command of Exec may take to end after SIGTERM.
const execGrace = 2 * time.Second

// Exec runs a command once, to its end, with both of its outputs going to out.
// It works from Start to Stop, and leaves no process either. The error is an
// *exec.ExitError when the command failed, and the context's error when it was
// ended because of that.
func (s *Supervisor) Exec(ctx context.Context, command Command, out io.Writer) error {
	s.mu.Lock()
	starter := s.starter
	s.mu.Unlock()
	if starter == nil {
		return fmt.Errorf("running %s: %w", command.Path, ErrNotRunning)
	}
	cmd := command.cmd()
	cmd.Stdout, cmd.Stderr = out, out
	if err := starter.Start(cmd); err != nil {
		return fmt.Errorf("running %s: %w", command.Path, err)
	}
	exited := make(chan exit, 1)
	go func() {
		err := cmd.Wait()
		_ = procgroup.Kill(cmd.Process.Pid) // what is left of its group, if anything
		exited <- exit{err}
	}()
	select {
	case exit := <-exited:
		return exit.reason
	case <-ctx.Done():
		if _, err := endGroup(cmd.Process.Pid, execGrace, s.abort, exited); err != nil {
			return err
		}
		return ctx.Err()
	}
}
