package rpc

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"orderflow/internal/problem"
	"orderflow/internal/resilience"
)

// The outcomes of a call beside the reasons of an Error.
const (
	outcomeOK        = "ok"
	outcomeRefused   = "refused"   // a final answer that says no
	outcomeCancelled = "cancelled" // the caller lost interest
	outcomeInvalid   = "invalid"   // the request could not be made
)

// metrics are a client's instruments. What stands around its calls is observed
// when somebody asks, so that calls do not pay for it; see watch.
type metrics struct {
	calls       metric.Int64Counter
	duration    metric.Float64Histogram
	transitions metric.Int64Counter
	// withOutcome are the attributes of each outcome, made once.
	withOutcome map[string]metric.MeasurementOption
	target      attribute.KeyValue
	watching    metric.Registration
}

func newMetrics(meter metric.Meter, target string) (*metrics, error) {
	var errs [3]error
	m := &metrics{target: attribute.String("target", target)}
	m.calls, errs[0] = meter.Int64Counter("orderflow.rpc.client.calls",
		metric.WithDescription("Calls to other services, by target and outcome."))
	m.duration, errs[1] = meter.Float64Histogram("orderflow.rpc.client.duration",
		metric.WithUnit("s"),
		metric.WithDescription("Duration of calls to other services, with the wait in the bulkhead."))
	m.transitions, errs[2] = meter.Int64Counter("orderflow.breaker.transitions",
		metric.WithDescription("Changes of state of circuit breakers, by target and new state."))

	m.withOutcome = make(map[string]metric.MeasurementOption)
	for _, outcome := range []string{
		outcomeOK, outcomeRefused, outcomeCancelled, outcomeInvalid,
		string(Unavailable), string(Timeout), string(BadAnswer),
		string(BreakerOpen), string(BulkheadFull), string(NoInstance), string(RetryBudget),
	} {
		m.withOutcome[outcome] = metric.WithAttributeSet(
			attribute.NewSet(m.target, attribute.String("outcome", outcome)))
	}
	return m, errors.Join(errs[:]...)
}

func (m *metrics) unwatch() error {
	if m.watching == nil {
		return nil
	}
	return m.watching.Unregister()
}

func (m *metrics) recordCall(ctx context.Context, d time.Duration, err error) {
	attributes := m.withOutcome[outcomeName(err)]
	m.calls.Add(ctx, 1, attributes)
	m.duration.Record(ctx, d.Seconds(), attributes)
}

func (m *metrics) recordTransition(t resilience.Transition) {
	m.transitions.Add(context.Background(), 1,
		metric.WithAttributes(m.target, attribute.String("to", t.To.String())))
}

// outcomeName is the outcome attribute of a call that returned err.
func outcomeName(err error) string {
	if err == nil {
		return outcomeOK
	}
	var answer *problem.Error
	if errors.As(err, &answer) {
		return outcomeRefused
	}
	var failure *Error
	if errors.As(err, &failure) {
		return string(failure.Reason)
	}
	if errors.Is(err, context.Canceled) {
		return outcomeCancelled
	}
	return outcomeInvalid
}
