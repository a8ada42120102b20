package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"orderflow/internal/discovery"
	"orderflow/internal/problem"
	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
)

const scope = "orderflow/internal/rpc"

// Client calls one target. Make one for each target and process: its breaker
// and bulkhead guard the target only if all calls go through them. It is safe
// for concurrent use.
type Client struct {
	target     string
	service    string // whose instances are called
	cfg        Config
	resolver   discovery.Resolver
	authorizer Authorizer         // nil when calls carry no authorization
	observer   discovery.Observer // nil when the resolver does not care
	balancer   discovery.Balancer // nil when the resolver does not follow calls
	guard      *resilience.Guard
	guards     *Guards // nil when nobody lists them
	transport  *http.Transport
	http       *http.Client
	log        *zap.Logger
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	metrics    *metrics
}

var _ Caller = (*Client)(nil)

// Option changes how a client is made.
type Option func(*Client)

// WithGuards lists the client's guard in g.
func WithGuards(g *Guards) Option {
	return func(c *Client) { c.guards = g }
}

// WithService makes the client call the instances of this service, where the
// target is only a part of it: calls of a kind that must not share breaker and
// bulkhead with the others to the service.
func WithService(name string) Option {
	return func(c *Client) { c.service = name }
}

// Authorizer proves to a service who calls it; *servicetoken.Signer does it.
type Authorizer interface {
	// Authorization returns the values of the Authorization header of a call to
	// the service. They are shared and not changed.
	Authorization(ctx context.Context, service string) ([]string, error)
}

// WithAuthorizer gives each call an authorization for the service. A nil
// authorizer gives none.
func WithAuthorizer(a Authorizer) Option {
	return func(c *Client) { c.authorizer = a }
}

// NewClient returns a client for the instances that the resolver finds under
// the target's name, or under that of WithService. A resolver that is a
// discovery.Balancer is told how the calls end, so that it can eject a bad
// instance. What is not set in cfg has its default. With nil telemetry
// it reports nothing. Close it at the end.
func NewClient(target string, resolver discovery.Resolver, cfg Config, t *telemetry.Telemetry, options ...Option) *Client {
	if t == nil {
		t = telemetry.Discard()
	}
	cfg = cfg.WithDefaults(target)
	transport := newTransport(cfg.Bulkhead.MaxConcurrent + cfg.Compensation.MaxConcurrent)
	c := &Client{
		target:     target,
		service:    target,
		cfg:        cfg,
		resolver:   resolver,
		transport:  transport,
		http:       newHTTPClient(transport),
		log:        t.Log,
		tracer:     t.Tracer.Tracer(scope),
		propagator: t.Propagator,
	}
	c.observer, _ = resolver.(discovery.Observer)
	c.balancer, _ = resolver.(discovery.Balancer)
	for _, option := range options {
		option(c)
	}
	meter := t.Meter.Meter(scope)
	var instruments, watching error
	c.metrics, instruments = newMetrics(meter, target)
	c.guard = resilience.NewGuard(target, cfg.guard(), outcomeOf, c.breakerChanged)
	figures := guardFigures()
	if c.service == target {
		// Of the clients that share the instances of a service, one counts them.
		figures = append(figures, instanceFigures()...)
	}
	watching = c.metrics.watch(meter, figures, c.Snapshot)
	if err := errors.Join(instruments, watching); err != nil {
		// Calls matter more than their figures.
		c.log.Warn("some call metrics are missing", zap.String("target", target), zap.Error(err))
	}
	if c.guards != nil {
		c.guards.add(c)
	}
	return c
}

// Close ends the client's idle connections and takes its guard off the lists.
// Calls that are under way go on.
func (c *Client) Close() error {
	if c.guards != nil {
		c.guards.remove(c)
	}
	c.transport.CloseIdleConnections()
	if err := c.metrics.unwatch(); err != nil {
		return fmt.Errorf("closing the client for %s: %w", c.target, err)
	}
	return nil
}

// Snapshot returns what stands around the target's calls now.
func (c *Client) Snapshot() Snapshot {
	c.tryEarly()
	s := Snapshot{Service: c.service, Snapshot: c.guard.Snapshot()}
	if c.balancer != nil {
		s.Status = c.balancer.Status(c.service)
	}
	return s
}

// Call makes one attempt: it sends in as JSON (nil: no body) and decodes the
// answer into out (nil: ignored). Path begins with a slash and is escaped
// already; it may carry a query.
//
// When a kept connection turns out to be closed, net/http sends the request
// again on a new one, but only if no byte of it was sent or the method is
// idempotent by itself (GET, HEAD, OPTIONS, TRACE).
//
// The errors, of which only the second may be retried:
//   - *problem.Error: the target's final answer, a 4xx;
//   - *Error: no final answer; its Reason says why;
//   - one that wraps context.Canceled: the caller's context was cancelled;
//   - any other: the request could not be built, which is a defect.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	began := time.Now()
	ctx, span := c.tracer.Start(ctx, method+" "+c.target, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("peer.service", c.target), attribute.String("http.request.method", method)))
	defer span.End()

	err := c.call(ctx, method, path, in, out)
	c.metrics.recordCall(ctx, time.Since(began), err)
	recordSpan(span, err)
	return err
}

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, err := c.encode(path, in)
	if err != nil {
		return err
	}
	err = c.guarded(ctx, func(ctx context.Context) (resilience.Outcome, error) {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
		return c.balanced(ctx, func(ctx context.Context, instance discovery.Instance) error {
			return c.exchange(ctx, instance, method, path, body, out)
		})
	})
	return c.translate(ctx, err)
}

// encode happens before the guard: what fails here says nothing about the
// target.
func (c *Client) encode(path string, in any) ([]byte, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("calling %s: path %q does not begin with a slash", c.target, path)
	}
	if in == nil {
		return nil, nil
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("calling %s: encoding the request: %w", c.target, err)
	}
	return body, nil
}

// translate gives a guard's error its final form. Ctx is the caller's: when it
// was cancelled, nobody wants the reason of the failure that followed.
func (c *Client) translate(ctx context.Context, err error) error {
	var answer *problem.Error
	var failure *Error
	switch {
	case err == nil, errors.As(err, &answer):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("calling %s: %w", c.target, context.Canceled)
	case errors.As(err, &failure):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		// The caller's time was up in the bulkhead's queue.
		return c.failure(Timeout, err)
	default:
		return refusalOf(c.target, err)
	}
}

// breakerChanged hears of each transition of the breaker once.
func (c *Client) breakerChanged(t resilience.Transition) {
	c.metrics.recordTransition(t)
	log := c.log.Info
	if t.To == resilience.Open {
		log = c.log.Warn
	}
	fields := []zap.Field{zap.String("target", t.Target), zap.Stringer("from", t.From), zap.Stringer("to", t.To)}
	if t.Early {
		fields = append(fields, zap.String("why", "a new instance has come up"))
	}
	log("circuit breaker changed its state", fields...)
}

// recordSpan marks the span of a call that got no final answer. A refusal is an
// answer, not an error.
func recordSpan(span trace.Span, err error) {
	var answer *problem.Error
	switch {
	case err == nil || !span.IsRecording():
	case errors.As(err, &answer):
		span.SetAttributes(attribute.String("orderflow.problem", string(answer.Code)))
	default:
		span.RecordError(err)
		span.SetStatus(codes.Error, outcomeName(err))
	}
}
