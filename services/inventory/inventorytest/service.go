// Package inventorytest runs the real inventory service in the memory of a
// test, for the tests of others. Nothing of the product imports it.
package inventorytest

import (
	"testing"

	"orderflow/internal/chassis/chassistest"
	"orderflow/services/inventory"
	"orderflow/services/inventory/internal"
)

// Service is a running inventory service and a client for it.
type Service struct {
	*inventory.Client
	chassistest.Service
}

// WithDSN keeps the stock in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	running, _ := chassistest.StartOnDatabase(t, "inventory", internal.Build, options...)
	return Service{Client: inventory.NewClient(running.Caller), Service: running}
}
