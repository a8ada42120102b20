package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"orderflow/internal/filelock"
)

const (
	// portPatience is how long a taken port may still become free: the
	// processes of a system that was killed a moment ago are just ending.
	portPatience = time.Second
	portRetry    = 50 * time.Millisecond
)

// claimDataDir makes the data folder, checks that it can be written, and locks
// it, so that two systems never share one.
func claimDataDir(dir string) (*filelock.Lock, error) {
	const setting = "set ORDERFLOW_DATA_DIR"
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be made (%w); %s to another one", dir, err, setting)
	}
	probe, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be written (%w); %s to another one", dir, err, setting)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be written: %w", dir, err)
	}
	path := filepath.Join(dir, "lock")
	lock, err := filelock.Try(path)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("the data folder %s is in use by another system (process %d); stop that one, or %s to another folder",
			dir, filelock.Holder(path), setting)
	}
	return lock, err
}

// checkAddresses reports, in one line, every address that somebody listens at
// already.
func checkAddresses(ctx context.Context, addresses []address) error {
	var taken []string
	deadline := time.Now().Add(portPatience)
	for _, a := range addresses {
		if a.external {
			continue
		}
		err := checkFree(ctx, a.addr, deadline)
		switch {
		case err == nil:
		case errors.Is(err, syscall.EADDRINUSE):
			taken = append(taken, fmt.Sprintf("%s %s is taken: set %s to another one", a.what, a.addr, a.setting))
		default:
			taken = append(taken, fmt.Sprintf("%s %s cannot be used (%v): set %s to another one", a.what, a.addr, err, a.setting))
		}
	}
	if len(taken) > 0 {
		return errors.New(strings.Join(taken, "; "))
	}
	return nil
}

func checkFree(ctx context.Context, addr string, deadline time.Time) error {
	for {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err == nil {
			return listener.Close()
		}
		if !errors.Is(err, syscall.EADDRINUSE) || time.Now().After(deadline) {
			return err
		}
		<-time.After(portRetry)
	}
}

// externalTimeout is how long a server that is not ours may take to answer.
const externalTimeout = 5 * time.Second

// checkExternal asks the servers that are not ours whether they are there.
func (s *Stack) checkExternal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, externalTimeout)
	defer cancel()
	if s.cfg.TemporalExternal {
		if err := s.temporalAnswers(ctx); err != nil {
			return fmt.Errorf("no Temporal server answers at %s (%w); start it, or unset ORDERFLOW_TEMPORAL_EXTERNAL", s.cfg.TemporalAddr, err)
		}
	}
	if s.cfg.ConsulExternal {
		if err := s.consulAnswers(ctx); err != nil {
			return fmt.Errorf("no Consul agent answers at %s (%w); start it, or unset ORDERFLOW_CONSUL_EXTERNAL", s.cfg.ConsulAddr, err)
		}
	}
	return nil
}
