package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/discovery"
	"orderflow/internal/filelock"
	"orderflow/internal/servicetoken"
	"orderflow/internal/supervisor"
	"orderflow/internal/toolchain"
)

// stopTimeout is when what has not ended yet is killed. It leaves a second of
// the 15 that a stop may take.
const stopTimeout = 14 * time.Second

// Stack is a running system. Stop it.
type Stack struct {
	cfg        Config
	supervisor *supervisor.Supervisor
	logs       *supervisor.Logs
	screen     *screen
	registry   *discovery.Consul
	http       *http.Client
	lock       *filelock.Lock
	control    *control
	programs   string   // the folder of our programs
	servers    []string // Temporal and Consul, where they are ours
	stuck      *stuckWatch

	scaling sync.Mutex // one change of the number of workers at a time
	stop    sync.Once
	stopErr error
}

// Start checks the settings and the machine, builds what must be built, and
// starts everything. It returns when the gateway is ready for orders. On an
// error nothing is left running; the error is one line for a person, and a
// *supervisor.StartError in it has the last output of the process at fault.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	s, err := newStack(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// newStack makes a Stack of which nothing runs.
func newStack(cfg Config) (*Stack, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var err error
	if cfg.DataDir, err = filepath.Abs(cfg.DataDir); err != nil {
		return nil, fmt.Errorf("finding the data folder: %w", err)
	}
	if cfg.PayloadKeys != "" {
		if cfg.PayloadKeys, err = filepath.Abs(cfg.PayloadKeys); err != nil {
			return nil, fmt.Errorf("finding the keyring: %w", err)
		}
	}
	if cfg.Root == "" {
		if cfg.Root, err = toolchain.ProjectRoot("."); err != nil {
			return nil, err
		}
	}
	s := &Stack{cfg: cfg, screen: newScreen(cfg.Out, cfg.Terminal)}
	s.registry, err = discovery.NewConsul(discovery.ConsulConfig{Addr: dialable(cfg.ConsulAddr)}, zap.NewNop())
	if err != nil {
		return nil, err
	}
	// A connection that is kept would speak to a process that was killed.
	s.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	s.logs = supervisor.NewLogs(supervisor.LogConfig{
		Dir: cfg.logDir(), Terminal: s.screen, Color: cfg.Terminal, Show: cfg.Console,
	})
	s.supervisor = supervisor.New(supervisor.Options{
		Logs: s.logs, Observe: s.screen.event, StopTimeout: stopTimeout,
	})
	return s, nil
}

// start does the work of Start.
func (s *Stack) start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if s.lock, err = claimDataDir(s.cfg.DataDir); err != nil {
		return err
	}
	if err := s.removeReadyFile(); err != nil {
		return err
	}
	if _, _, err := servicetoken.OpenKeys(s.cfg.serviceKeysDir()); err != nil {
		return fmt.Errorf("preparing the keys of calls between the processes: %w", err)
	}
	if err := checkAddresses(ctx, s.cfg.addresses()); err != nil {
		return err
	}
	if err := s.checkExternal(ctx); err != nil {
		return err
	}
	temporal, consul, err := s.build(ctx)
	if err != nil {
		return err
	}
	// A first build takes minutes, in which somebody may have taken a port.
	if err := checkAddresses(ctx, s.cfg.addresses()); err != nil {
		return err
	}
	if err := s.checkSettings(ctx); err != nil {
		return err
	}
	if err := s.addProcesses(temporal, consul); err != nil { //nolint:contextcheck // ctx bounds the start, not the lives of the processes
		return err
	}
	if err := s.supervisor.Start(ctx); err != nil {
		return err
	}
	if !s.cfg.TemporalExternal {
		s.stuck = s.watchTemporal() //nolint:contextcheck // it lives as long as the system, not as its start
	}
	s.control, err = listenForControl(s.cfg.DataDir, s)
	return err
}

// build finds or builds the servers, and builds our programs.
func (s *Stack) build(ctx context.Context) (temporal, consul string, err error) {
	printer := toolchain.NewPrinter(s.screen, s.cfg.Terminal)
	defer func() {
		if err != nil {
			printer.Interrupted()
		}
	}()
	finder := toolchain.Finder{Root: s.cfg.Root, Report: printer.Show}
	if !s.cfg.TemporalExternal {
		if temporal, err = finder.Find(ctx, toolchain.Temporal, s.cfg.TemporalBin); err != nil {
			return "", "", err
		}
	}
	if !s.cfg.ConsulExternal {
		if consul, err = finder.Find(ctx, toolchain.Consul, s.cfg.ConsulBin); err != nil {
			return "", "", err
		}
	}
	if s.programs = s.cfg.Programs; s.programs == "" {
		s.programs, err = toolchain.BuildPrograms(ctx, s.cfg.Root, programs(), printer.Show)
	}
	return temporal, consul, err
}

// Build builds the project's programs unless they are there, and returns their
// folder.
func Build(ctx context.Context, root string) (folder string, err error) {
	return toolchain.BuildPrograms(ctx, root, programs(), nil)
}

// Stop ends everything in reverse order of need, within 15 seconds. Further
// calls return what the first did.
func (s *Stack) Stop() error {
	s.stop.Do(func() {
		s.logs.Mute()
		var errs []error
		if s.stuck != nil {
			s.stuck.stop()
		}
		if s.control != nil {
			errs = append(errs, s.control.close())
		}
		if s.lock != nil { // without it the file may belong to another system
			errs = append(errs, s.removeReadyFile())
		}
		errs = append(errs, s.supervisor.Stop(), s.logs.Close())
		s.registry.Close()
		if s.lock != nil {
			errs = append(errs, s.lock.Release())
		}
		s.stopErr = errors.Join(errs...)
	})
	return s.stopErr
}

// Abort kills everything at once, for somebody who will not wait for Stop. It
// does not replace Stop.
func (s *Stack) Abort() { s.supervisor.Abort() }

// Supervisor is what the processes run under: a fault test kills with it. The
// processes are "temporal", "consul", the names of Services, "workers-1" and
// on, and "gateway". Of several instances of a service or the gateway, the
// second is "payment-2" and so on.
func (s *Stack) Supervisor() *supervisor.Supervisor { return s.supervisor }

// GatewayURL is where the gateway answers, without a slash at the end.
func (s *Stack) GatewayURL() string { return "http://" + dialable(s.cfg.GatewayAddr) }

// ConsulAddr is where Consul answers, "host:port".
func (s *Stack) ConsulAddr() string { return dialable(s.cfg.ConsulAddr) }

// TemporalAddr is where Temporal answers, "host:port".
func (s *Stack) TemporalAddr() string { return dialable(s.cfg.TemporalAddr) }

// KeysDir is the folder of the development keys that tokens are signed with.
func (s *Stack) KeysDir() string { return s.cfg.keysDir() }

// ServiceKeysDir is the folder of the keys that calls between the processes are
// signed with; see package servicetoken.
func (s *Stack) ServiceKeysDir() string { return s.cfg.serviceKeysDir() }

// DataDir is the absolute path of the data folder.
func (s *Stack) DataDir() string { return s.cfg.DataDir }

// Program is the path of one of our built programs, such as "starter".
func (s *Stack) Program(name string) string { return filepath.Join(s.programs, name) }

// Environ is the environment with which the starter finds this system.
func (s *Stack) Environ() []string { return s.cfg.forStarter() }
