// Package customertest runs the real customer service in the memory of a test,
// for the tests of others. Nothing of the product imports it.
package customertest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/services/customer"
	"orderflow/services/customer/internal"
)

// Service is a running customer service and a client for it.
type Service struct {
	*customer.Client
	chassistest.Service
}

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the customers in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) Service {
	t.Helper()
	chosen := settings{dsn: "sqlite:" + filepath.Join(t.TempDir(), "customer.db")}
	for _, option := range options {
		option(&chosen)
	}
	parts, err := internal.Build(t.Context(), chosen.dsn)
	require.NoError(t, err)
	running := chassistest.Start(t, "customer", parts, chosen.faults)
	return Service{Client: customer.NewClient(running.Caller), Service: running}
}
