package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

func TestTheSystemKeepsItsPromiseOnPostgres(t *testing.T) {
	s := start(t, settings(t, onPostgres(t)...))
	const orders = 60
	d := generate(t, seed+2, orders)
	run := s.beginImport(d.products, d.customersFile, d.orders)
	for _, victim := range []string{"workers-1", "order", "inventory"} {
		s.killAmidProgress(run, d, victim)
	}
	summary := s.await(run)
	require.Zero(t, summary.Orders.Unanswered)
	require.Empty(t, summary.Mismatches)
	require.Equal(t, summary.Orders.Shipped, s.requireBooksBalance(d, s.views(d)))
	require.Zero(t, s.await(s.beginImport(d.products, d.customersFile, d.orders)).Orders.PlacedNow)
}
