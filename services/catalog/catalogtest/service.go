// Package catalogtest runs the real catalogue service in the memory of a test,
// for the tests of others. Nothing of the product imports it.
package catalogtest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/services/catalog"
	"orderflow/services/catalog/internal"
)

// Service is a running catalogue service and a client for it.
type Service struct {
	*catalog.Client
	chassistest.Service
}

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the products in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) Service {
	t.Helper()
	chosen := settings{dsn: "sqlite:" + filepath.Join(t.TempDir(), "catalog.db")}
	for _, option := range options {
		option(&chosen)
	}
	parts, err := internal.Build(t.Context(), chosen.dsn)
	require.NoError(t, err)
	running := chassistest.Start(t, "catalog", parts, chosen.faults)
	return Service{Client: catalog.NewClient(running.Caller), Service: running}
}
