// Package paymenttest runs the real payment service in the memory of a test,
// with the built-in provider, for the tests of others. Nothing of the product
// imports it.
package paymenttest

import (
	"context"
	"testing"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/sqlstore"
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

// WithDSN keeps the charges in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	running, dsn := chassistest.StartOnDatabase(t, "payment", internal.Build, options...)
	return Service{
		Client:   payment.NewClient(running.Caller),
		Service:  running,
		provider: simulator.New(sqlstoretest.Open(t, dsn, simulator.Schema()), sqlstore.Now),
	}
}

// Statement is what the provider's own ledger says of one order.
type Statement = simulator.Statement

// AtProvider asks the provider, past the service, for an order's statement.
func (s Service) AtProvider(ctx context.Context, orderID string) (Statement, error) {
	return s.provider.Statement(ctx, orderID)
}
