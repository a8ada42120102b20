// Package ordertest runs the real order service in the memory of a test, for
// the tests of others. Nothing of the product imports it.
package ordertest

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
	"orderflow/services/order/internal"
)

// Service is a running order service and a client for it.
type Service struct {
	*order.Client
	chassistest.Service
}

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	config internal.Config
	faults faults.Spec
}

// WithDSN keeps the orders in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.config.DSN = dsn } }

// WithClock gives the times of events.
func WithClock(now func() time.Time) Option { return func(s *settings) { s.config.Now = now } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) *Service {
	t.Helper()
	chosen := settings{config: internal.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "order.db")}}
	for _, option := range options {
		option(&chosen)
	}
	service, err := internal.Open(t.Context(), chosen.config, telemetry.Discard())
	require.NoError(t, err)
	running := chassistest.Start(t, "order", service.Parts(), chosen.faults)
	return &Service{Client: order.NewClient(running.Caller), Service: running}
}

// Rebuild has the read model rebuilt and waits for the end of that.
func (s *Service) Rebuild(ctx context.Context) error {
	projection, err := s.RebuildProjection(ctx)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for err == nil && !projection.Rebuild.State.Ended() {
		select {
		case <-look.C:
			projection, err = s.Projection(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err == nil && projection.Rebuild.Error != "" {
		err = fmt.Errorf("the rebuild failed: %s", projection.Rebuild.Error)
	}
	return err
}
