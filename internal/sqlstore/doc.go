// Package sqlstore opens a service's own database and runs its transactions:
// SQLite embedded for one machine, PostgreSQL beyond it, chosen by DSN alone.
//
// One SQL text serves both databases: placeholders are $1, times are BIGINT
// microseconds, JSON is TEXT, and every write happens in a serializable
// transaction (SQLite: one writer connection, BEGIN IMMEDIATE; PostgreSQL:
// SERIALIZABLE, retried as a whole when the database says that it lost a
// race). A service's correctness therefore never depends on which database is
// underneath.
//
// A commit is on the disk when it is reported, except where its caller says that
// what a crash takes back can be made again (InTxAsyncCommit, InTxInterim).
//
// Statements stay prepared on their connection, on both databases. Faults of
// the database (full, locked, away, cut off in the middle of a commit) are
// typed errors, after which nothing is half-written and no restart is needed;
// SQLite is backed up while it is in use.
//
// It is not an object mapper and not a query builder: services write SQL.
package sqlstore
