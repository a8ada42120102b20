package rpc

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"orderflow/internal/resilience"
)

// figure is a metric that is read from a snapshot.
type figure struct {
	name, unit, description string
	total                   bool // it only rises
	read                    func(s Snapshot, put putFunc)
}

// putFunc takes one value of a figure, with the labels beside the target.
type putFunc func(value float64, labels ...attribute.KeyValue)

// guardFigures are read for every target.
func guardFigures() []figure {
	return []figure{
		{
			name: "orderflow.breaker.state", description: "State of the circuit breaker: 0 closed, 1 half-open, 2 open.",
			read: func(s Snapshot, put putFunc) { put(float64(s.Breaker.State)) },
		},
		{
			name: "orderflow.breaker.remaining_open", unit: "s", description: "Time until the open circuit breaker is half-open.",
			read: func(s Snapshot, put putFunc) { put(seconds(s.Breaker.RemainingOpen)) },
		},
		{
			name: "orderflow.breaker.refused", description: "Calls that the circuit breaker refused.", total: true,
			read: func(s Snapshot, put putFunc) { put(float64(s.Breaker.Refused)) },
		},
		{
			name: "orderflow.breaker.slow_calls", description: "Calls that were answered, but so late that they count as failed.", total: true,
			read: func(s Snapshot, put putFunc) { put(float64(s.Breaker.SlowCalls)) },
		},
		{
			name: "orderflow.bulkhead.current", description: "Calls under way in the bulkhead, by purpose.",
			read: eachPool(func(b resilience.BulkheadStats) float64 { return float64(b.Current) }),
		},
		{
			name: "orderflow.bulkhead.queued", description: "Calls that wait in the bulkhead's queue, by purpose.",
			read: eachPool(func(b resilience.BulkheadStats) float64 { return float64(b.Queued) }),
		},
		{
			name: "orderflow.bulkhead.rejected", description: "Calls refused because the bulkhead was full, by purpose.", total: true,
			read: eachPool(func(b resilience.BulkheadStats) float64 { return float64(b.Rejected) }),
		},
		{
			name: "orderflow.bulkhead.wait", unit: "s", description: "Time that calls have waited in the bulkhead's queue, by purpose.", total: true,
			read: eachPool(func(b resilience.BulkheadStats) float64 { return seconds(b.Wait) }),
		},
		{
			name: "orderflow.retry_budget.tokens", description: "Retries that the budget allows now, by purpose.",
			read: eachBudget(func(b resilience.RetryBudgetStats) float64 { return b.Tokens }),
		},
		{
			name: "orderflow.retry_budget.calls", description: "First calls, of which the budget is a share, by purpose.", total: true,
			read: eachBudget(func(b resilience.RetryBudgetStats) float64 { return float64(b.Calls) }),
		},
		{
			name: "orderflow.retry_budget.retries", description: "Retries that were made, by purpose.", total: true,
			read: eachBudget(func(b resilience.RetryBudgetStats) float64 { return float64(b.Retries) }),
		},
		{
			name: "orderflow.retry_budget.refused", description: "Retries that the budget did not allow, by purpose.", total: true,
			read: eachBudget(func(b resilience.RetryBudgetStats) float64 { return float64(b.Refused) }),
		},
	}
}

// instanceFigures are read for every service. They have no label for the
// instance, whose name may be another one after each restart: what is known of
// each is in the snapshots.
func instanceFigures() []figure {
	return []figure{
		{
			name: "orderflow.instances.known", description: "Healthy instances of the service.",
			read: func(s Snapshot, put putFunc) { put(float64(len(s.Instances))) },
		},
		{
			name: "orderflow.instances.ejected", description: "Instances that are out of this process's rotation.",
			read: func(s Snapshot, put putFunc) {
				ejected := 0.0
				for _, instance := range s.Instances {
					if instance.Ejected {
						ejected++
					}
				}
				put(ejected)
			},
		},
		{
			name: "orderflow.instances.ejections", description: "Times that an instance was ejected, or stayed so after its probe.", total: true,
			read: func(s Snapshot, put putFunc) { put(float64(s.Ejections)) },
		},
		{
			name: "orderflow.instances.returns", description: "Times that an ejected instance was back.", total: true,
			read: func(s Snapshot, put putFunc) { put(float64(s.Returns)) },
		},
	}
}

func eachPool(of func(resilience.BulkheadStats) float64) func(Snapshot, putFunc) {
	return func(s Snapshot, put putFunc) {
		for _, pool := range s.Bulkheads {
			put(of(pool), attribute.Stringer("purpose", pool.Purpose))
		}
	}
}

func eachBudget(of func(resilience.RetryBudgetStats) float64) func(Snapshot, putFunc) {
	return func(s Snapshot, put putFunc) {
		put(of(s.RetryBudget), attribute.Stringer("purpose", Forward))
		put(of(s.CompensationBudget), attribute.Stringer("purpose", Compensation))
	}
}

func seconds(s resilience.Seconds) float64 { return time.Duration(s).Seconds() }

// watch reads the figures whenever somebody asks for them, until unwatch.
func (m *metrics) watch(meter metric.Meter, figures []figure, snapshot func() Snapshot) error {
	instruments := make([]metric.Float64Observable, len(figures))
	observed := make([]metric.Observable, len(figures))
	errs := make([]error, len(figures))
	for i, f := range figures {
		if f.total {
			instruments[i], errs[i] = meter.Float64ObservableCounter(f.name, metric.WithUnit(f.unit), metric.WithDescription(f.description))
		} else {
			instruments[i], errs[i] = meter.Float64ObservableGauge(f.name, metric.WithUnit(f.unit), metric.WithDescription(f.description))
		}
		observed[i] = instruments[i]
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	var err error
	m.watching, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := snapshot()
		for i, f := range figures {
			f.read(s, func(value float64, labels ...attribute.KeyValue) {
				o.ObserveFloat64(instruments[i], value, metric.WithAttributes(append(labels, m.target)...))
			})
		}
		return nil
	}, observed...)
	return err
}
