// Package catalogtest runs the real catalogue service in the memory of a test,
// for the tests of others. Nothing of the product imports it.
package catalogtest

import (
	"testing"

	"orderflow/internal/chassis/chassistest"
	"orderflow/services/catalog"
	"orderflow/services/catalog/internal"
)

// Service is a running catalogue service and a client for it.
type Service struct {
	*catalog.Client
	chassistest.Service
}

// WithDSN keeps the products in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	running, _ := chassistest.StartOnDatabase(t, "catalog", internal.Build, options...)
	return Service{Client: catalog.NewClient(running.Caller), Service: running}
}
