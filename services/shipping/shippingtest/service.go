// Package shippingtest runs the real shipping service in the memory of a test,
// with the built-in carrier, for the tests of others. Nothing of the product
// imports it.
package shippingtest

import (
	"context"
	"testing"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/sqlstore"
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

// WithDSN keeps the shipments in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	running, dsn := chassistest.StartOnDatabase(t, "shipping", internal.Build, options...)
	return Service{
		Client:  shipping.NewClient(running.Caller),
		Service: running,
		carrier: simulator.New(sqlstoretest.Open(t, dsn, simulator.Schema()), sqlstore.Now),
	}
}

// LiveAtCarrier counts, past the service, the consignments of an order that the
// carrier has accepted and not called off.
func (s Service) LiveAtCarrier(ctx context.Context, orderID string) (int, error) {
	return s.carrier.Live(ctx, orderID)
}
