// Package shippingtest runs the real shipping service in the memory of a test,
// with the built-in carrier, for the tests of others. Nothing of the product
// imports it.
package shippingtest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal"
	"orderflow/services/shipping/internal/simulator"
)

// Service is a running shipping service and a client for it.
type Service struct {
	*shipping.Client
	chassistest.Service

	carrier *simulator.Simulator
}

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the shipments in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) Service {
	t.Helper()
	chosen := settings{dsn: "sqlite:" + filepath.Join(t.TempDir(), "shipping.db")}
	for _, option := range options {
		option(&chosen)
	}
	parts, err := internal.Build(t.Context(), chosen.dsn)
	require.NoError(t, err)
	running := chassistest.Start(t, "shipping", parts, chosen.faults)
	return Service{
		Client:  shipping.NewClient(running.Caller),
		Service: running,
		carrier: simulator.New(sqlstoretest.Open(t, chosen.dsn, simulator.Schema()), time.Now),
	}
}

// LiveAtCarrier counts, past the service, the consignments of an order that the
// carrier has accepted and not called off.
func (s Service) LiveAtCarrier(ctx context.Context, orderID string) (int, error) {
	return s.carrier.Live(ctx, orderID)
}
