package backlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
)

const scope = "orderflow/gateway/internal/backlog"

// Measure serves the shedder's figures until the registration is ended: how many
// orders wait, while anybody knows, at which limit orders are refused, and how
// many were.
func (s *Shedder) Measure(meters metric.MeterProvider) (metric.Registration, error) {
	meter := meters.Meter(scope)
	var errs [3]error
	waiting, err := meter.Int64ObservableGauge("orderflow.backlog.orders",
		metric.WithDescription("Orders that are accepted and wait to be begun, over all gateways."))
	errs[0] = err
	limit, err := meter.Int64ObservableGauge("orderflow.backlog.limit",
		metric.WithDescription("The backlog at which new orders are refused."))
	errs[1] = err
	refused, err := meter.Int64ObservableCounter("orderflow.backlog.refused",
		metric.WithDescription("New orders that were refused because of the backlog."))
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("measuring the backlog: %w", err)
	}
	watching, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s.mu.Lock()
		orders, known := s.waiting(time.Now())
		total := s.refused
		s.mu.Unlock()
		if known {
			o.ObserveInt64(waiting, orders)
		}
		o.ObserveInt64(limit, s.limit)
		o.ObserveInt64(refused, total)
		return nil
	}, waiting, limit, refused)
	if err != nil {
		return nil, fmt.Errorf("measuring the backlog: %w", err)
	}
	return watching, nil
}
