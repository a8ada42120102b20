package readmodel

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// ObserveLag reports, whenever metrics are read, how many events the live
// generation is behind. Call stop before the database closes.
func ObserveLag(meter metric.Meter, projector *Projector) (stop func() error, err error) {
	gauge, err := meter.Int64ObservableGauge("orderflow.order.projection.lag",
		metric.WithUnit("{event}"),
		metric.WithDescription("Events that the read model has not projected yet."))
	if err != nil {
		return nil, fmt.Errorf("making the lag metric: %w", err)
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, observer metric.Observer) error {
		lag, err := projector.Lag(ctx)
		if err != nil {
			return err
		}
		observer.ObserveInt64(gauge, lag)
		return nil
	}, gauge)
	if err != nil {
		return nil, fmt.Errorf("making the lag metric: %w", err)
	}
	return registration.Unregister, nil
}
