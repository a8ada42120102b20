package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const sqliteReaders = 8

// DB is one service's database. Writes go through InTx, reads through Reader.
type DB struct {
	dsn    dsn
	writer *sql.DB
	reader *sql.DB
	// log is SQLite's write-ahead log; nil on PostgreSQL.
	log *sqliteLog
}

// Queryer is what a read needs; *sql.DB and *sql.Tx both have it.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open opens the database that the DSN names (sqlite:PATH, postgres://…),
// brings each schema to its newest version and checks that the database
// answers. It fails with ErrBadDSN, with ErrNewerSchema when the data was
// written by a newer program, or with the database's own error; each says in
// one line what is wrong and where.
func Open(ctx context.Context, dsnText string, schemas ...Schema) (*DB, error) {
	d, err := parseDSN(dsnText)
	if err != nil {
		return nil, err
	}
	db, err := open(d)
	if err != nil {
		return nil, err
	}
	if err := db.prepare(ctx, schemas); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("opening %s: %w", d.where(), oneLineError{withFault(err)})
	}
	return db, nil
}

func (db *DB) prepare(ctx context.Context, schemas []Schema) error {
	if err := db.Ping(ctx); err != nil {
		return err
	}
	if db.dsn.dialect == SQLite {
		return migrate(ctx, SQLite, db.writer, schemas)
	}
	// A migration may take its time, which no statement of a service may.
	pool := openPostgres(db.dsn.withoutTimeouts())
	defer func() { _ = pool.Close() }()
	return migrate(ctx, Postgres, pool, schemas)
}

func open(d dsn) (*DB, error) {
	if d.dialect == Postgres {
		pool := openPostgres(d)
		return &DB{dsn: d, writer: pool, reader: pool}, nil
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return nil, fmt.Errorf("opening %s: creating its folder: %w", d.where(), err)
	}
	file := &sqliteFile{path: d.path}
	writer, err := openSQLite(d, file, beginWriting)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", d.where(), err)
	}
	// SQLite has one writer at a time. One connection queues writers in
	// order instead of letting them meet as busy errors.
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	reader, err := openSQLite(d, file, beginReading)
	if err != nil {
		_ = writer.Close()
		return nil, fmt.Errorf("opening %s: %w", d.where(), err)
	}
	reader.SetMaxOpenConns(sqliteReaders)
	reader.SetMaxIdleConns(sqliteReaders)
	return &DB{dsn: d, writer: writer, reader: reader, log: newSQLiteLog(d.path)}, nil
}

// Dialect tells which database is underneath; only statements that cannot be
// written portably may ask.
func (db *DB) Dialect() Dialect { return db.dsn.dialect }

// Reader is for reads outside a transaction. On SQLite it is a pool of
// read-only connections, which never wait for the writer.
func (db *DB) Reader() Queryer { return db.reader }

// Ping reports whether the database answers; readiness checks call it.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.writer.PingContext(ctx); err != nil {
		return fmt.Errorf("database does not answer: %w", withFault(err))
	}
	return nil
}

// Close closes all connections. On SQLite closing the last one also folds the
// write-ahead log into the file.
func (db *DB) Close() error {
	if db.reader != db.writer {
		if err := db.reader.Close(); err != nil {
			_ = db.writer.Close()
			return fmt.Errorf("closing readers: %w", err)
		}
	}
	if err := db.writer.Close(); err != nil {
		return fmt.Errorf("closing the writer: %w", err)
	}
	return nil
}

// oneLineError is an error whose message fits on one line: drivers report each
// attempt on a line of its own, also when it failed as the one before.
type oneLineError struct{ error }

func (e oneLineError) Error() string {
	lines := strings.Split(e.error.Error(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(slices.Compact(lines), " ")
}

func (e oneLineError) Unwrap() error { return e.error }
