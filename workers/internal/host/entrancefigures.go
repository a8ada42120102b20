package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"orderflow/internal/resilience"
)

const scope = "orderflow/workers/internal/host"

// The ways of an attempt through an entrance.
const (
	wayFast    = "fast"
	wayDurable = "durable"
)

// entranceFigures are those of one way through an entrance.
type entranceFigures struct {
	target, way string
	stats       resilience.BulkheadStats
	refused     int64
}

// figures are read when somebody asks for them.
func (e *entrance) figures() []entranceFigures {
	return []entranceFigures{
		{e.target, wayFast, e.fast.turns.Stats(), e.refused.fast.Load()},
		{e.target, wayDurable, e.durable.Stats(), e.refused.durable.Load()},
	}
}

// watchEntrances serves the figures of the entrances until the registration is
// ended. What the bulkheads and breakers behind them do is measured by package
// rpc; what an entrance refuses never gets there.
func watchEntrances(meters metric.MeterProvider, entrances []*entrance) (metric.Registration, error) {
	meter := meters.Meter(scope)
	var errs [4]error
	current, err := meter.Int64ObservableGauge("orderflow.entrance.current",
		metric.WithDescription("Attempts of steps under way behind the entrance to a service, by way."))
	errs[0] = err
	queued, err := meter.Int64ObservableGauge("orderflow.entrance.queued",
		metric.WithDescription("Attempts of steps that wait for their turn at a service, by way."))
	errs[1] = err
	refused, err := meter.Int64ObservableCounter("orderflow.entrance.refused",
		metric.WithDescription("Attempts of steps that left the entrance to a service without a turn, by way."))
	errs[2] = err
	wait, err := meter.Float64ObservableCounter("orderflow.entrance.wait", metric.WithUnit("s"),
		metric.WithDescription("Time that attempts of steps have waited for their turn at a service, by way."))
	errs[3] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("measuring the entrances: %w", err)
	}
	watching, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, e := range entrances {
			for _, f := range e.figures() {
				labels := metric.WithAttributes(attribute.String("target", f.target), attribute.String("way", f.way))
				o.ObserveInt64(current, int64(f.stats.Current), labels)
				o.ObserveInt64(queued, int64(f.stats.Queued), labels)
				o.ObserveInt64(refused, f.refused, labels)
				o.ObserveFloat64(wait, time.Duration(f.stats.Wait).Seconds(), labels)
			}
		}
		return nil
	}, current, queued, refused, wait)
	if err != nil {
		return nil, fmt.Errorf("measuring the entrances: %w", err)
	}
	return watching, nil
}
