package sqlstoretest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
)

const (
	// serverVariable names a PostgreSQL server to use instead of a cluster
	// of the test binary's own.
	serverVariable = "ORDERFLOW_TEST_POSTGRES_DSN"
	// requireVariable is a comma-separated list of what must not be missing.
	requireVariable = "ORDERFLOW_REQUIRE"
)

// Each runs the suite as the subtests "sqlite" and "postgres", each on an
// empty database that was opened with the schemas and is closed afterwards.
func Each(t *testing.T, schemas []sqlstore.Schema, suite func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, dsn string) {
		suite(t, Open(t, dsn, schemas...))
	})
}

// EachDSN runs the suite as the subtests "sqlite" and "postgres" with the DSN
// of an empty database, for suites that open it themselves, or more than once.
func EachDSN(t *testing.T, suite func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { suite(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { suite(t, Postgres(t)) })
}

// Open opens the database and closes it when the test ends.
func Open(t testing.TB, dsn string, schemas ...sqlstore.Schema) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), dsn, schemas...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// SQLite returns the DSN of a new file in the test's temporary folder.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres returns the DSN of an empty database, which is dropped when the
// test ends. It skips the test where there is no PostgreSQL, or fails it when
// ORDERFLOW_REQUIRE lists postgres.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := postgresServer()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv(requireVariable), ","), "postgres") {
			t.Fatalf("%s asks for PostgreSQL: %v", requireVariable, err)
		}
		t.Skipf("skipped: needs PostgreSQL: %v", err)
	}
	dsn, err := createDatabase(t, server)
	require.NoError(t, err)
	return dsn
}

// RestartPostgres returns a function that crashes and restarts the server of
// this test binary's databases, all of them. It returns nil where the server is
// not the test binary's own.
func RestartPostgres(t testing.TB) func(ctx context.Context) error {
	t.Helper()
	if os.Getenv(serverVariable) != "" {
		return nil
	}
	own, err := throwawayCluster()
	require.NoError(t, err)
	return own.restart
}

func postgresServer() (string, error) {
	if dsn := os.Getenv(serverVariable); dsn != "" {
		return dsn, nil
	}
	own, err := throwawayCluster()
	return own.dsn, err
}

// createDatabase makes a database of a random name: databases, unlike schemas,
// share no advisory locks, so that migrations of parallel tests do not wait
// for each other.
func createDatabase(t testing.TB, server string) (string, error) {
	address, err := url.Parse(server)
	if err != nil {
		return "", errors.New("the DSN of the test server is not a URL")
	}
	name := "orderflow_" + strings.ToLower(rand.Text())
	if err := execute(t.Context(), server, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := execute(context.Background(), server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("leaving no test database behind: %v", err)
		}
	})
	address.Path = "/" + name
	return address.String(), nil
}

func execute(ctx context.Context, dsn, statement string) error {
	server, err := sql.Open("pgx", dsn)
	if err != nil {
		return fmt.Errorf("opening the test server: %w", err)
	}
	defer func() { _ = server.Close() }()
	if _, err := server.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("running %q on the test server: %w", statement, err)
	}
	return nil
}
