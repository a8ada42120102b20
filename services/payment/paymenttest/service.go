// Package paymenttest runs the real payment service in the memory of a test,
// with the built-in provider, for the tests of others. Nothing of the product
// imports it.
package paymenttest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/payment"
	"orderflow/services/payment/internal"
	"orderflow/services/payment/internal/simulator"
)

// Service is a running payment service and a client for it.
type Service struct {
	*payment.Client
	chassistest.Service

	provider *simulator.Simulator
}

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the charges in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) Service {
	t.Helper()
	chosen := settings{dsn: "sqlite:" + filepath.Join(t.TempDir(), "payment.db")}
	for _, option := range options {
		option(&chosen)
	}
	parts, err := internal.Build(t.Context(), chosen.dsn)
	require.NoError(t, err)
	running := chassistest.Start(t, "payment", parts, chosen.faults)
	return Service{
		Client:   payment.NewClient(running.Caller),
		Service:  running,
		provider: simulator.New(sqlstoretest.Open(t, chosen.dsn, simulator.Schema()), time.Now),
	}
}

// Statement is what the provider's own ledger says of one order.
type Statement = simulator.Statement

// AtProvider asks the provider, past the service, for an order's statement.
func (s Service) AtProvider(ctx context.Context, orderID string) (Statement, error) {
	return s.provider.Statement(ctx, orderID)
}
