package devstack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/atomicfile"
	"orderflow/internal/supervisor"
)

// ErrStoppedEarly says that the end was asked for before the system was ready.
var ErrStoppedEarly = errors.New("stopped before the system was ready")

// Run serves the system until ctx ends, and then stops it: start, place the
// demonstration orders, print the addresses, write the ready file, wait. When
// abort ends too, everything is killed at once. It returns nil after a clean
// stop, and ErrStoppedEarly when ctx ended before the system was ready.
func Run(ctx, abort context.Context, cfg Config) error {
	s, err := newStack(cfg)
	if err != nil {
		return err
	}
	defer context.AfterFunc(abort, s.Abort)()
	began := time.Now()
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return ErrStoppedEarly
		}
		return err
	}
	s.screen.line("%s everything is ready after %s", s.screen.good(), seconds(time.Since(began)))
	if err := s.welcome(ctx); err != nil && ctx.Err() == nil {
		return errors.Join(err, s.Stop())
	}
	<-ctx.Done()

	s.screen.line("\nstopping (Ctrl-C again kills)")
	began = time.Now()
	if err := s.Stop(); err != nil {
		return err
	}
	s.screen.line("stopped in %s", seconds(time.Since(began)))
	return nil
}

// welcome does what comes between a ready system and serving.
func (s *Stack) welcome(ctx context.Context) error {
	shown := s.cfg.Demo && s.demonstrate(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	if !shown {
		s.printAddresses()
	}
	s.printServing()
	return s.writeReadyFile()
}

// demonstrate lets the starter place the demonstration orders, and print their
// outcome, the addresses and an order command. It reports whether that went
// well; the system serves in any case.
func (s *Stack) demonstrate(ctx context.Context) bool {
	err := s.supervisor.Exec(ctx, supervisor.Command{
		Path: s.Program(starterProgram), Args: []string{"demo"}, Env: s.cfg.forDemo(), Dir: s.cfg.Root,
	}, s.screen)
	if err != nil && ctx.Err() == nil {
		s.screen.line("%s the demonstration failed: %v", s.screen.bad(), err)
	}
	return err == nil
}

// writeReadyFile writes the file at once, so that nobody sees a part of it. It
// holds the gateway's URL.
func (s *Stack) writeReadyFile() error {
	if s.cfg.ReadyFile == "" {
		return nil
	}
	if err := atomicfile.Replace(s.cfg.ReadyFile, []byte(s.GatewayURL()+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the ready file (ORDERFLOW_READY_FILE): %w", err)
	}
	return nil
}

func (s *Stack) removeReadyFile() error {
	if s.cfg.ReadyFile == "" {
		return nil
	}
	if err := removeIfThere(s.cfg.ReadyFile); err != nil {
		return fmt.Errorf("removing the ready file (ORDERFLOW_READY_FILE): %w", err)
	}
	return nil
}
