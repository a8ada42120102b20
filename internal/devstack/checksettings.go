package devstack

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"orderflow/internal/config"
)

// ErrWrongSetting is what Start and Run fail with when one of the processes
// refuses its settings: the error's text is that process's one line.
var ErrWrongSetting = errors.New("a process refuses its settings")

// settingError is an ErrWrongSetting.
type settingError struct{ line string }

func (e settingError) Error() string        { return e.line }
func (e settingError) Is(target error) bool { return target == ErrWrongSetting }

// checkedAtOnce is how many programs check their settings at the same time.
const checkedAtOnce = 4

// checkSettings has our programs check their settings before anything is
// started: a wrong one would otherwise be found by the last process to start,
// and be one line among many. The error is that line, of the first process in
// order of need.
func (s *Stack) checkSettings(ctx context.Context) error {
	type checked struct {
		program string
		env     environment
	}
	var all []checked
	for _, name := range Services() {
		all = append(all, checked{name, s.cfg.forService(name, 1)})
	}
	all = append(all, checked{workersService, s.cfg.forWorker(1)}, checked{gatewayService, s.cfg.forGateway(1)})
	wrong := make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(checkedAtOnce)
	for i, process := range all {
		group.Go(func() error {
			wrong[i] = s.checkProgram(ctx, process.program, process.env)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, err := range wrong {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkProgram returns what a program says of its settings. Whatever else may be
// wrong with it shows when it starts.
func (s *Stack) checkProgram(ctx context.Context, name string, env environment) error {
	command := exec.CommandContext(ctx, filepath.Join(s.programs, name), config.CheckFlag)
	command.Env, command.Dir = env, s.cfg.Root
	_, err := command.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() == exitUsage {
		return settingError{strings.TrimSpace(string(ended.Stderr))}
	}
	return nil
}
