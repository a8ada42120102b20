package chassis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/discovery"
	"orderflow/internal/faults/failpoint"
	"orderflow/internal/httpserver"
	"orderflow/internal/lifecycle"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
)

// Parts are what is particular to one service. Every field is optional.
type Parts struct {
	// Routes adds the service's routes to the engine.
	Routes func(gin.IRouter)
	// Checks say by name what must work before the service is ready. The
	// chassis adds "consul".
	Checks map[string]func(ctx context.Context) error
	// Background is work beside the requests, such as a projector. Each runs
	// until its context ends, which is after the last request; one that
	// returns an error earlier ends the process with it, and one that returns
	// nil is done.
	Background []func(ctx context.Context) error
	// Metadata is registered with the instance.
	Metadata map[string]string
	// Guards are those of the calls that the process makes: shown at GuardsPath,
	// to our own processes only. Nil shows none.
	Guards *rpc.Guards
	// InternalAddr is a second address to listen at, "host:port", for our own
	// processes: GuardsPath, metrics, and health with reasons. A process that is Public needs
	// it for Guards to be shown; others show them at their only address.
	InternalAddr string
	// StopTimeout is how long background work and Close may take at the end,
	// if they need more than the usual five seconds.
	StopTimeout time.Duration
	// Public is set where strangers send requests: see httpserver.Options.
	Public bool
	// HideInsight keeps metrics and the reasons of readiness from strangers: see
	// httpserver.Options. At InternalAddr everybody sees them.
	HideInsight bool
	// BodyLimits are those of routes that take more, or less, than the rest: see
	// httpserver.Options.
	BodyLimits map[string]int64
	// Handler goes around the whole engine, its probes included, for what all
	// answers have; nil leaves it as it is.
	Handler func(engine http.Handler) http.Handler
	// TLS makes the listener speak TLS; nil is plain HTTP.
	TLS *tls.Config
	// Close frees what build opened. It runs after the last request and the
	// last background work, and also when the start fails.
	Close func() error
}

// Names of the chassis's own readiness checks.
const (
	checkConsul = "consul"
	checkEnding = "ending"
)

// closeTimeout is for what remains once requests have drained: background
// work, the service's own Close, telemetry.
const closeTimeout = 5 * time.Second

// Run runs one service until ctx ends or something fails, and returns why it
// failed: nil after ctx. The order is:
//
//	telemetry -> build -> listen -> serve -> register -> wait
//	-> deregister -> drain -> stop background work -> Close -> telemetry
//
// The failure is logged too: main only has to turn it into an exit code. With
// an empty version, the one that the Go toolchain recorded is taken.
//
// A wrong setting, a failing build and a taken port end it before it has
// served or registered anything. A Consul that is not there does not: Run
// tries again in the background, and /readyz says so meanwhile. At the end it
// leaves Consul, accepts for cfg.DrainDelay more, gives the requests in flight
// cfg.DrainTimeout, and the rest five seconds.
//
// Background work and the requests in flight are not cut off by ctx, only by
// those deadlines.
func Run(ctx context.Context, name, version string, cfg Config,
	build func(ctx context.Context, t *telemetry.Telemetry) (Parts, error),
) error {
	cfg = cfg.withDefaults()
	version = cmp.Or(version, recordedVersion())
	instanceID := cfg.instanceID(name)
	t, err := telemetry.Start(ctx, name, instanceID, version, cfg.Telemetry)
	if err != nil {
		err = fmt.Errorf("starting telemetry: %w", err)
		zap.Must(zap.NewProduction()).Error("ending because of a failure", zap.String("component", name), zap.Error(err))
		return err
	}
	s := &service{name: name, version: version, instanceID: instanceID, cfg: cfg, telemetry: t, failed: make(chan error, 1)}
	s.closers.Push("telemetry", t.Close)

	failure := s.start(ctx, build)
	if failure == nil {
		failure = s.wait(ctx)
	}
	if failure != nil {
		t.Log.Error("ending because of a failure", zap.Error(failure))
	} else {
		t.Log.Info("ending because it was asked to")
	}
	return errors.Join(failure, s.stop(context.WithoutCancel(ctx)))
}

// service is one run of a service.
type service struct {
	name, version, instanceID string
	cfg                       Config
	telemetry                 *telemetry.Telemetry
	stopTimeout               time.Duration   // 0: closeTimeout
	requireCaller             gin.HandlerFunc // nil: everybody may call

	registrar *registrar // nil without discovery, or before it has begun
	server    *httpserver.Server
	ending    atomic.Bool     // nobody should call any more
	failed    chan error      // the first failure of background work
	closers   lifecycle.Stack // what remains after the drain
}

func (s *service) start(ctx context.Context, build func(context.Context, *telemetry.Telemetry) (Parts, error)) error {
	if err := s.cfg.Validate(); err != nil {
		return err
	}
	var points *failpoint.Points
	if s.cfg.FailPoints {
		points = failpoint.New(s.telemetry.Log)
		ctx = points.Background(ctx)
	}
	parts, err := build(ctx, s.telemetry)
	if parts.Close != nil {
		s.closers.PushFunc(s.name, parts.Close)
	}
	if err != nil {
		return fmt.Errorf("building %s: %w", s.name, err)
	}
	s.stopTimeout = parts.StopTimeout
	if parts.serves() {
		if err := s.openCallers(&parts); err != nil { //nolint:contextcheck // reading a file does not wait
			return err
		}
	}
	listener, err := httpserver.Listen(s.cfg.Listen.Addr) //nolint:contextcheck // opening a local port does not wait
	if err != nil {
		return err
	}
	if err := s.prepareRegistration(ctx, listener.Addr(), parts.Metadata); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := s.serveInternal(ctx, parts); err != nil {
		return errors.Join(err, listener.Close())
	}
	if parts.TLS != nil {
		listener = tls.NewListener(listener, parts.TLS)
	}
	var handler http.Handler = s.engine(parts) //nolint:contextcheck // handlers take the context of their request
	if parts.Handler != nil {
		handler = parts.Handler(handler)
	}
	if points != nil {
		handler = points.Handler(handler)
	}
	s.server = httpserver.Serve(ctx, listener, handler, httpserver.WithErrorLog(s.telemetry.Log))
	s.telemetry.Log.Info("serving", zap.Stringer("addr", s.server.Addr()), zap.Stringer("faults", s.cfg.Faults))

	s.startBackground(ctx, parts.Background)
	if s.registrar != nil {
		s.registrar.start(ctx)
	}
	return nil
}

// prepareRegistration finds out everything that registration needs, so that a
// wrong setting is found before the first request.
func (s *service) prepareRegistration(ctx context.Context, addr net.Addr, metadata map[string]string) error {
	if !s.cfg.Discovery {
		return nil
	}
	host, port, err := s.cfg.advertised(ctx, addr, lookupThisHost)
	if err != nil {
		return err
	}
	consul, err := discovery.NewConsul(Agent(s.cfg.Consul), s.telemetry.Log)
	if err != nil {
		return fmt.Errorf("preparing discovery: %w", err)
	}
	s.closers.PushFunc("discovery", func() error { consul.Close(); return nil })
	s.registrar = newRegistrar(consul, discovery.Instance{
		ID:       s.instanceID,
		Name:     s.name,
		Host:     host,
		Port:     port,
		Version:  s.version,
		Metadata: metadata,
	}, s.telemetry.Log)
	return nil
}

// checks are the service's own, and the chassis's.
func (s *service) checks(parts Parts) map[string]func(context.Context) error {
	checks := map[string]func(context.Context) error{checkEnding: s.checkEnding}
	maps.Copy(checks, parts.Checks)
	if s.registrar != nil {
		checks[checkConsul] = s.registrar.check
	}
	return checks
}

func (s *service) engine(parts Parts) *gin.Engine {
	engine := httpserver.NewEngine(httpserver.Options{
		Name:      s.name,
		Telemetry: s.telemetry,
		Faults:    s.cfg.Faults,

		SwitchFaults: s.cfg.SwitchFaults && !parts.Public,

		BodyLimit: s.cfg.BodyLimit,
		Checks:    s.checks(parts),
		Public:    parts.Public,

		HideInsight: parts.HideInsight,
		BodyLimits:  parts.BodyLimits,
	})
	if parts.Guards != nil && !parts.Public {
		addGuards(engine, parts.Guards)
	}
	if s.requireCaller != nil {
		// What was added before, the probes and GuardsPath, answers everybody.
		engine.Use(s.requireCaller)
	}
	if parts.Routes != nil {
		parts.Routes(engine)
	}
	return engine
}

// startBackground runs the background work until the closers stop it.
func (s *service) startBackground(ctx context.Context, works []func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	group, working := errgroup.WithContext(ctx)
	for _, work := range works {
		group.Go(func() error {
			err := work(working)
			if err != nil {
				select {
				case s.failed <- err:
				default: // not the first
				}
			}
			return err
		})
	}
	s.closers.PushFunc("background work", func() error {
		stop()
		// Its failure, if any, was the reason for the end already, or is only
		// that it was stopped.
		_ = group.Wait()
		return nil
	})
}

// wait returns why the service cannot go on, nil when ctx has ended.
func (s *service) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.server.Done():
		return s.server.Err()
	case err := <-s.failed:
		return fmt.Errorf("background work: %w", err)
	}
}

// stop brings down what start brought up, as far as it came.
func (s *service) stop(ctx context.Context) error {
	var failures []error
	if s.server != nil {
		s.leave(ctx)
	}
	draining, cancel := context.WithTimeout(ctx, s.cfg.DrainTimeout)
	defer cancel()
	if s.server != nil {
		failures = append(failures, s.server.Shutdown(draining))
	}
	closing, cancelClosing := context.WithTimeout(ctx, max(closeTimeout, s.stopTimeout))
	defer cancelClosing()
	return errors.Join(append(failures, s.closers.Close(closing))...)
}

// leave takes the instance out of Consul, is not ready any more for platforms
// that ask, and goes on accepting until callers have heard of it. Consul may be
// away: it reaps the instance by itself then, and that is no failure of this
// process.
func (s *service) leave(ctx context.Context) {
	s.ending.Store(true)
	if s.registrar != nil {
		leaving, cancel := context.WithTimeout(ctx, registerTimeout)
		defer cancel()
		if err := s.registrar.close(leaving); err != nil {
			s.telemetry.Log.Warn("could not deregister", zap.Error(err))
		}
	}
	<-time.After(s.cfg.DrainDelay)
}

func (s *service) checkEnding(context.Context) error {
	if s.ending.Load() {
		return errors.New("the process is ending")
	}
	return nil
}

// recordedVersion is the module version, or else the revision, that the Go
// toolchain put into the program.
func recordedVersion() string {
	const unknown = "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	if version := info.Main.Version; version != "" && version != "(devel)" {
		return version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return unknown
}

func lookupThisHost(ctx context.Context) (hostname string, addresses []string, err error) {
	hostname, err = os.Hostname()
	if err != nil {
		return "", nil, err
	}
	addresses, err = net.DefaultResolver.LookupHost(ctx, hostname)
	return hostname, addresses, err
}

func portOf(addr net.Addr) int {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return 0
	}
	return tcp.Port
}
