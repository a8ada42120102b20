package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/discovery"
	"orderflow/internal/problem"
	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
)

type charge struct {
	OrderID string `json:"orderId"`
	Amount  int64  `json:"amount"`
}

func TestCallSendsAndReturnsJSON(t *testing.T) {
	instance := serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodPost, r.Method)
		assert.Equal(t, "/v1/charges?dry=true", r.URL.String())
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		assert.Equal(t, "application/json, application/problem+json", r.Header.Get("Accept"))
		assert.Equal(t, "order-7", r.Header.Get(telemetry.OrderIDHeader))
		var in charge
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&in))
		in.Amount++
		w.WriteHeader(http.StatusCreated)
		assert.NoError(t, json.NewEncoder(w).Encode(in))
	})
	c := newTestClient(t, Config{}, nil, instance)

	var out charge
	ctx := telemetry.WithOrderID(t.Context(), "order-7")
	require.NoError(t, c.Call(ctx, http.MethodPost, "/v1/charges?dry=true", charge{"order-7", 9999}, &out))
	assert.Equal(t, charge{"order-7", 10_000}, out)
}

func TestCallWithoutBodies(t *testing.T) {
	instance := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Empty(t, body)
		assert.Empty(t, r.Header.Get("Content-Type"))
		assert.Empty(t, r.Header.Get(telemetry.OrderIDHeader))
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, "this is not decoded")
	})
	c := newTestClient(t, Config{}, nil, instance)

	require.NoError(t, get(t.Context(), c))
	out := charge{Amount: 5}
	require.NoError(t, c.Call(t.Context(), http.MethodDelete, "/v1/charges", nil, &out))
	assert.Equal(t, charge{Amount: 5}, out, "204 leaves it alone")
}

// signature is an authorizer that names the service.
type signature struct{ err error }

func (s signature) Authorization(_ context.Context, service string) ([]string, error) {
	return []string{"Bearer for " + service}, s.err
}

func TestEachCallIsAuthorizedForItsService(t *testing.T) {
	instance := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"Bearer for payment"}, r.Header.Values("Authorization"))
	})
	resolver := discovery.Static{"payment": {instance}}
	for _, target := range []string{"payment", "payment-audit"} {
		c := closing(t, NewClient(target, resolver, Config{}, nil, WithService("payment"), WithAuthorizer(signature{})))
		require.NoError(t, get(t.Context(), c))
	}
	c := closing(t, NewClient("payment", resolver, Config{}, nil, WithAuthorizer(signature{err: io.ErrUnexpectedEOF})))
	require.ErrorIs(t, get(t.Context(), c), io.ErrUnexpectedEOF, "nothing is sent without it")
}

func TestTraceGoesOnInTheService(t *testing.T) {
	reports, err := telemetry.Start(t.Context(), "gateway", "gateway-1", "v1",
		telemetry.Config{Traces: telemetry.TracesStdout, TracesRatio: 1, LogOutput: io.Discard, SpanOutput: io.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, reports.Close(context.Background())) })
	var parent atomic.Value
	instance := serve(t, func(_ http.ResponseWriter, r *http.Request) { parent.Store(r.Header.Get("Traceparent")) })
	c := newTestClient(t, Config{}, reports, instance)

	ctx, span := reports.Tracer.Tracer("test").Start(t.Context(), "order")
	defer span.End()
	require.NoError(t, get(ctx, c))
	assert.Contains(t, parent.Load(), telemetry.TraceID(ctx))
	assert.NotContains(t, parent.Load(), span.SpanContext().SpanID().String(), "the call has a span of its own")
}

func TestFinalAnswerIsAProblemAndDoesNotOpenTheBreaker(t *testing.T) {
	instance := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		problem.New(problem.PaymentDeclined, "the card was declined").WithField("/payment/method", "declined").Write(w, "/v1/charges", "")
	})
	c := newTestClient(t, Config{}, nil, instance)

	for range 20 {
		err := get(t.Context(), c)
		var answer *problem.Error
		require.ErrorAs(t, err, &answer)
		assert.Equal(t, problem.PaymentDeclined, answer.Code)
		assert.Equal(t, "the card was declined", answer.Detail)
		assert.Len(t, answer.Fields, 1)
		var failure *Error
		require.NotErrorAs(t, err, &failure, "it must not look as if it may be retried")
	}
	assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
}

func TestAnswersThatAreNotFinal(t *testing.T) {
	answerProblem := func(code problem.Code, after time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			problem.New(code, "not now").WithRetryAfter(after).Write(w, "/v1/charges", "")
		}
	}
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := map[string]struct {
		handler http.HandlerFunc
		want    Error
		counts  resilience.Outcome
	}{
		"unavailable with a problem": {
			answerProblem(problem.Unavailable, 7*time.Second),
			Error{Reason: Unavailable, Status: 503, Code: problem.Unavailable, RetryAfter: 7 * time.Second}, resilience.Failure,
		},
		"an equal request in flight": {
			answerProblem(problem.InFlight, time.Second),
			Error{Reason: Unavailable, Status: 503, Code: problem.InFlight, RetryAfter: time.Second}, resilience.Success,
		},
		"too many requests": {
			answerProblem(problem.RateLimited, 2*time.Second),
			Error{Reason: Unavailable, Status: 429, Code: problem.RateLimited, RetryAfter: 2 * time.Second}, resilience.Failure,
		},
		"request timeout": {
			answerProblem(problem.RequestTimeout, 0),
			Error{Reason: Unavailable, Status: 408, Code: problem.RequestTimeout}, resilience.Failure,
		},
		"a service that does not know us": {
			answerProblem(problem.Unauthenticated, 0),
			Error{Reason: Unavailable, Status: 401, Code: problem.Unauthenticated}, resilience.Failure,
		},
		"internal error without a body": {
			answer(500, "", ""),
			Error{Reason: Unavailable, Status: 500}, resilience.Failure,
		},
		"bad gateway with a page": {
			answer(502, "text/html", "<h1>Bad gateway</h1>"),
			Error{Reason: Unavailable, Status: 502}, resilience.Failure,
		},
		"a problem that is none": {
			answer(503, problem.MediaType, "{"),
			Error{Reason: Unavailable, Status: 503}, resilience.Failure,
		},
		"a stranger's not found": {
			answer(404, "text/plain", "404 page not found"),
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"a refusal that cannot be read": {
			answer(409, problem.MediaType, "{"),
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"no JSON": {
			answer(200, "application/json", "<html>"),
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"an empty body": {
			answer(200, "application/json", ""),
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"a body over the limit": {
			answer(200, "application/json", `{}`+strings.Repeat(" ", 1_000)),
			Error{Reason: BadAnswer}, resilience.Failure,
		},
		"a body cut short": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, `{"orderId":`)
			},
			Error{Reason: Unavailable}, resilience.Failure,
		},
		"a connection that is closed": {
			func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			Error{Reason: Unavailable}, resilience.Failure,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, Config{AnswerLimit: 1_000}, nil, serve(t, test.handler))
			var out any
			err := c.Call(t.Context(), http.MethodPost, "/v1/charges", charge{}, &out)

			got := failureOf(t, err)
			var answer *problem.Error
			require.NotErrorAs(t, err, &answer, "it must not look final")
			require.Error(t, got.Err)
			test.want.Target, test.want.Err = "payment", got.Err
			assert.Equal(t, test.want, *got)
			assert.Equal(t, test.counts == resilience.Failure, c.guard.Breaker().Counts().ConsecutiveFailures == 1)
		})
	}
}

func TestSlowAnswerIsATimeout(t *testing.T) {
	instance := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, test := range map[string]struct {
		cfg      Config
		timeout  time.Duration
		failures uint32
	}{
		"the attempt's":       {Config{Timeout: 20 * time.Millisecond}, time.Minute, 1},
		"the caller's":        {Config{Timeout: 30 * time.Millisecond}, 20 * time.Millisecond, 1},
		"the caller's, early": {Config{}, 20 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, test.cfg, nil, instance)
			ctx, cancel := context.WithTimeout(t.Context(), test.timeout)
			defer cancel()
			failure := failureOf(t, get(ctx, c))
			assert.Equal(t, Timeout, failure.Reason)
			assert.ErrorIs(t, failure, context.DeadlineExceeded)
			assert.Equal(t, test.failures, c.guard.Breaker().Counts().Failures)
		})
	}
}

func TestSlowBodyIsATimeout(t *testing.T) {
	instance := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"orderId":`)
		http.NewResponseController(w).Flush() //nolint:errcheck // the client sees whether it worked
		<-r.Context().Done()
	})
	c := newTestClient(t, Config{Timeout: 50 * time.Millisecond}, nil, instance)
	var out charge
	err := c.Call(t.Context(), http.MethodGet, "/v1/charges", nil, &out)
	assert.Equal(t, Timeout, failureOf(t, err).Reason)
}

func TestCancelledCallCountsAsNothing(t *testing.T) {
	arrived := make(chan struct{})
	instance := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	c := newTestClient(t, Config{}, nil, instance)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(errors.New("the customer left"))
	}()

	err := get(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
	var failure *Error
	require.NotErrorAs(t, err, &failure, "nobody wants it retried")
	assert.Equal(t, resilience.Counts{Requests: 1, Ignored: 1}, c.guard.Breaker().Counts())
}

func TestOpenBreakerSaysWhenToReturn(t *testing.T) {
	var called atomic.Int64
	instance := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c := newTestClient(t, Config{}, nil, instance)
	for range 5 {
		require.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason)
	}

	failure := failureOf(t, get(t.Context(), c))
	assert.Equal(t, BreakerOpen, failure.Reason)
	assert.InDelta(t, 30*time.Second, failure.RetryAfter, float64(5*time.Second))
	assert.ErrorIs(t, failure, resilience.ErrBreakerOpen)
	assert.Equal(t, int64(5), called.Load())
}

func TestFullBulkheadRefusesAndTheQueueRespectsTheCaller(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	instance := serve(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-finish
	})
	c := newTestClient(t, Config{Bulkhead: resilience.BulkheadConfig{MaxConcurrent: 1, MaxQueue: 1}}, nil, instance)
	first := make(chan error)
	go func() { first <- get(t.Context(), c) }()
	<-arrived

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.Equal(t, Timeout, failureOf(t, get(ctx, c)).Reason, "it waited in the queue")

	queued, leave := context.WithCancel(t.Context())
	second := make(chan error)
	go func() { second <- get(queued, c) }()
	require.Eventually(t, func() bool { return c.guard.Bulkhead().Stats().Queued == 1 }, 10*time.Second, time.Millisecond)
	failure := failureOf(t, get(t.Context(), c))
	assert.Equal(t, BulkheadFull, failure.Reason)
	assert.ErrorIs(t, failure, resilience.ErrBulkheadFull)

	leave()
	require.ErrorIs(t, <-second, context.Canceled)
	close(finish)
	require.NoError(t, <-first)
	assert.Zero(t, c.guard.Bulkhead().Stats().Current)
}

func TestMissingInstanceDoesNotOpenTheBreaker(t *testing.T) {
	c := newTestClient(t, Config{}, nil)
	for range 20 {
		failure := failureOf(t, get(t.Context(), c))
		require.Equal(t, NoInstance, failure.Reason)
		require.ErrorIs(t, failure, discovery.ErrNoAvailableInstance)
	}
	assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
}

// observedResolver notes which instances it was told about.
type observedResolver struct {
	discovery.Static
	failed []discovery.Instance
}

func (r *observedResolver) Failed(instance discovery.Instance) { r.failed = append(r.failed, instance) }

func TestInstanceThatCannotBeReachedIsReported(t *testing.T) {
	gone := goneInstance(t)
	resolver := &observedResolver{Static: discovery.Static{"payment": {gone}}}
	c := closing(t, NewClient("payment", resolver, Config{}, nil))

	assert.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason)
	assert.Equal(t, []discovery.Instance{gone}, resolver.failed)
}

func TestInstanceThatEndedBetweenTwoCallsIsReported(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	resolver := &observedResolver{Static: discovery.Static{"payment": {instanceAt(t, server.Listener.Addr())}}}
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	require.NoError(t, get(t.Context(), c))
	require.Empty(t, resolver.failed)

	server.Close() // the kept connection is of no use any more
	assert.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason)
	assert.Len(t, resolver.failed, 1)
}

func TestInstanceThatAnsweredBadlyIsNotReported(t *testing.T) {
	instance := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	resolver := &observedResolver{Static: discovery.Static{"payment": {instance}}}
	c := closing(t, NewClient("payment", resolver, Config{}, nil))

	err := c.Call(t.Context(), http.MethodPost, "/v1/charges", charge{}, nil)
	assert.Equal(t, Unavailable, failureOf(t, err).Reason)
	assert.Empty(t, resolver.failed)
}

func TestRequestThatCannotBeBuiltIsADefect(t *testing.T) {
	c := newTestClient(t, Config{}, nil, goneInstance(t))
	for name, call := range map[string]func() error{
		"path without a slash": func() error { return c.Call(t.Context(), http.MethodGet, "@elsewhere/", nil, nil) },
		"path with a newline":  func() error { return c.Call(t.Context(), http.MethodGet, "/a\nb", nil, nil) },
		"unknown method":       func() error { return c.Call(t.Context(), "NO METHOD", "/", nil, nil) },
		"body that is no JSON": func() error { return c.Call(t.Context(), http.MethodPut, "/", make(chan int), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			err := call()
			require.ErrorContains(t, err, "payment")
			var failure *Error
			require.NotErrorAs(t, err, &failure, "trying again cannot help")
			assert.Zero(t, c.guard.Breaker().Counts().Failures, "the target has no part in it")
		})
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000)) // nobody wants this body
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := newTestClient(t, Config{Breaker: resilience.BreakerConfig{FailureThreshold: 1_000}}, nil, instanceAt(t, server.Listener.Addr()))
	for range 50 {
		require.Error(t, get(t.Context(), c))
	}
	assert.Equal(t, int64(1), opened.Load())
	assert.Equal(t, c.cfg.Bulkhead.MaxConcurrent+c.cfg.Compensation.MaxConcurrent, c.transport.MaxIdleConnsPerHost)
}
