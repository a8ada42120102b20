package chassistest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis"
	"orderflow/internal/faults"
)

// Option changes how a service with a database runs.
type Option func(*options)

type options struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the service's data in that database, instead of a new SQLite
// file.
func WithDSN(dsn string) Option { return func(o *options) { o.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(o *options) { o.faults = spec } }

// StartOnDatabase builds a service with a database and runs it as Start does.
// It returns the DSN too, for those who look into the database.
func StartOnDatabase(t testing.TB, name string, build func(ctx context.Context, dsn string) (chassis.Parts, error),
	changes ...Option,
) (running Service, dsn string) {
	t.Helper()
	chosen := options{dsn: "sqlite:" + filepath.Join(t.TempDir(), name+".db")}
	for _, change := range changes {
		change(&chosen)
	}
	parts, err := build(t.Context(), chosen.dsn)
	require.NoError(t, err)
	return Start(t, name, parts, chosen.faults), chosen.dsn
}
