package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"orderflow/internal/discovery"
	"orderflow/internal/problem"
	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
)

// guarded makes an attempt inside the target's guard. The breaker is tried early
// before, not after a refusal: a call goes through the guard once, and counts
// there once.
func (c *Client) guarded(ctx context.Context, attempt func(ctx context.Context) (resilience.Outcome, error)) error {
	c.tryEarly()
	return c.guard.Run(ctx, intent(ctx), attempt)
}

// tryEarly makes an open breaker half-open when an instance has joined since it
// opened: what failed may be gone.
//
// After a kill and restart of a service, its breaker would otherwise refuse the
// new process for up to 30 s. It is safe because only the trial calls of a
// half-open breaker get through. They may go to an old instance that still
// fails, but that decides nothing as long as the new one does well; and when the
// new one fails too, the breaker opens for its whole time again, also when
// another instance joins.
func (c *Client) tryEarly() {
	if c.balancer != nil {
		c.guard.Breaker().TryEarly(c.balancer.Newest(c.service))
	}
}

// balanced makes an exchange with an instance and says what its result means
// for the target. The instance answers for its own failures.
func (c *Client) balanced(ctx context.Context, exchange func(ctx context.Context, instance discovery.Instance) error) (outcome resilience.Outcome, err error) {
	pick, err := c.pick(ctx)
	if err != nil {
		err = c.failure(NoInstance, err)
		return c.guard.Judge(ctx, err, 0), err
	}
	outcome = resilience.Failure // of a panic
	defer func() { outcome = pick.Done(outcome) }()
	began := time.Now()
	err = exchange(ctx, pick.Instance)
	return c.judge(ctx, err, time.Since(began)), err
}

func (c *Client) pick(ctx context.Context) (discovery.Pick, error) {
	if c.balancer != nil {
		return c.balancer.Pick(ctx, c.service)
	}
	instance, err := c.resolver.Next(ctx, c.service)
	return discovery.Pick{Instance: instance}, err
}

// exchange sends the request to the instance and reads its answer.
func (c *Client) exchange(ctx context.Context, instance discovery.Instance, method, path string, body []byte, out any) error {
	request, err := c.newRequest(ctx, method, instance, path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if c.observer != nil && ctx.Err() == nil && notSent(err) {
			c.observer.Failed(instance)
		}
		return c.broken(ctx, err)
	}
	defer func() {
		drain(response.Body)
		_ = response.Body.Close() // the result is known
	}()

	span := trace.SpanFromContext(ctx)
	span.SetAttributes(
		attribute.String("server.address", instance.Addr()),
		attribute.Int("http.response.status_code", response.StatusCode))
	return c.checked(ctx, decodeAnswer(c.target, response, c.cfg.AnswerLimit, out))
}

func (c *Client) newRequest(ctx context.Context, method string, instance discovery.Instance, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+instance.Addr()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("calling %s: building the request: %w", c.target, err)
	}
	request.Header.Set("Accept", "application/json, "+problem.MediaType)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if id := telemetry.OrderID(ctx); id != "" {
		request.Header.Set(telemetry.OrderIDHeader, id)
	}
	if c.authorizer != nil {
		if request.Header["Authorization"], err = c.authorizer.Authorization(ctx, c.service); err != nil {
			return nil, fmt.Errorf("calling %s: %w", c.target, err)
		}
	}
	c.propagator.Inject(ctx, propagation.HeaderCarrier(request.Header))
	return request, nil
}

// checked gives an error of decodeAnswer its final form.
func (c *Client) checked(ctx context.Context, err error) error {
	var answer *problem.Error
	var failure *Error
	var bad *badAnswerError
	switch {
	case err == nil, errors.As(err, &answer), errors.As(err, &failure):
		return err
	case errors.As(err, &bad):
		return c.failure(BadAnswer, err)
	default:
		return c.broken(ctx, err)
	}
}

// broken is the failure of an exchange that did not come to its end. Ctx is the
// attempt's.
func (c *Client) broken(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return c.failure(Timeout, err)
	}
	return c.failure(Unavailable, err)
}

func (c *Client) failure(reason Reason, err error) *Error {
	return &Error{Target: c.target, Reason: reason, Err: err}
}
