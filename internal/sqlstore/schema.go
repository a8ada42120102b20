package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// ErrNewerSchema reports data that a newer program has written. This program
// must not touch it: start the newer one, or point this one at other data.
var ErrNewerSchema = errors.New("the data was written by a newer version of this program")

// How long an instance waits while another one migrates the same database:
// lockAttempts times lockPeriod seconds.
const (
	lockPeriod   = 1
	lockAttempts = 300
)

// Schema is a set of numbered goose migrations with a version table of its
// own, so that a shared piece (the fence) and a service's tables advance
// independently in one database.
type Schema struct {
	// Name distinguishes the version tables: [a-z_]+.
	Name string
	// Migrations holds NNN_name.sql files at its root.
	Migrations fs.FS
}

// migrate brings each schema to its newest version.
func migrate(ctx context.Context, dialect Dialect, pool *sql.DB, schemas []Schema) error {
	for _, schema := range schemas {
		if err := (migration{schema, dialect, pool}).run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// migration brings one schema to its newest version.
type migration struct {
	schema  Schema
	dialect Dialect
	pool    *sql.DB
}

// run migrates. Other processes may do the same at the same moment.
func (m migration) run(ctx context.Context) error {
	schema := m.schema
	provider, err := m.provider()
	if err != nil {
		return fmt.Errorf("reading migrations of schema %s: %w", schema.Name, err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("reading version of schema %s: %w", schema.Name, err)
	}
	for current < target {
		if err := m.refuseVersionsTwice(ctx); err != nil {
			return fmt.Errorf("migrating schema %s: %w", schema.Name, err)
		}
		_, failure := provider.Up(ctx)
		before := current
		current, _, err = provider.GetVersions(ctx)
		// A version that has moved nevertheless is the work of another
		// process, which made the same change first.
		if failure != nil && (err != nil || current == before) {
			return fmt.Errorf("migrating schema %s: %w", schema.Name, failure)
		}
		if err != nil {
			return fmt.Errorf("reading version of schema %s: %w", schema.Name, err)
		}
	}
	if current > target {
		return fmt.Errorf("schema %s is at version %d, this program knows %d: %w", schema.Name, current, target, ErrNewerSchema)
	}
	return nil
}

func (m migration) provider() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	options := []goose.ProviderOption{
		goose.WithTableName(m.schema.versionTable()),
		goose.WithDisableGlobalRegistry(true),
	}
	if m.dialect == Postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockAttempts))
		if err != nil {
			return nil, fmt.Errorf("preparing the lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, m.pool, m.schema.Migrations, options...)
}

// refuseVersionsTwice stands in for the lock that goose has only for
// PostgreSQL. A migration and the row of its version commit together; with
// this index the second of two processes fails on the row, and nothing of its
// migration remains.
func (m migration) refuseVersionsTwice(ctx context.Context) error {
	if m.dialect == Postgres {
		return nil
	}
	table := m.schema.versionTable()
	_, err := m.pool.ExecContext(ctx, "CREATE UNIQUE INDEX IF NOT EXISTS "+table+"_once ON "+table+" (version_id)")
	return err
}

func (s Schema) versionTable() string { return "schema_" + s.Name }
