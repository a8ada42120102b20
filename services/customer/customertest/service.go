// Package customertest runs the real customer service in the memory of a test,
// for the tests of others. Nothing of the product imports it.
package customertest

import (
	"testing"

	"orderflow/internal/chassis/chassistest"
	"orderflow/services/customer"
	"orderflow/services/customer/internal"
)

// Service is a running customer service and a client for it.
type Service struct {
	*customer.Client
	chassistest.Service
}

// WithDSN keeps the customers in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	running, _ := chassistest.StartOnDatabase(t, "customer", internal.Build, options...)
	return Service{Client: customer.NewClient(running.Caller), Service: running}
}
