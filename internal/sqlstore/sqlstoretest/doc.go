// Package sqlstoretest runs a test suite on each database that
// internal/sqlstore supports, so that a store is proved on both or on neither.
//
// SQLite is always there: a file in the test's own temporary folder.
// PostgreSQL is the server that ORDERFLOW_TEST_POSTGRES_DSN names (its user
// must be allowed to create databases), or a throwaway cluster that the test
// binary starts once from PostgreSQL's installed programs and that ends with
// it. Where there is neither, the PostgreSQL half is skipped and says so;
// ORDERFLOW_REQUIRE=postgres turns that skip into a failure.
//
// Every test gets an empty database of its own, so tests may run in parallel.
//
// It is for tests only; nothing of the product imports it.
package sqlstoretest
