package e2e_test

import (
	"strings"
	"testing"

	"orderflow/internal/devstack"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// onPostgres gives every service a PostgreSQL database of its own.
func onPostgres(t *testing.T) []string {
	t.Helper()
	var environ []string
	for _, service := range devstack.Services() {
		environ = append(environ, "ORDERFLOW_"+strings.ToUpper(service)+"_DSN="+sqlstoretest.Postgres(t))
	}
	return environ
}

// onEachDatabase runs a test with the environment of each database.
func onEachDatabase(t *testing.T, test func(t *testing.T, environ []string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, nil) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}
