package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
)

// ErrNoBackup reports that this package does not back up PostgreSQL, which has
// its own tools: pg_dump for one database, pg_basebackup for the server.
var ErrNoBackup = errors.New("only SQLite is backed up by the service, use pg_dump for PostgreSQL")

// Backup writes a copy of the database to a new file, while reads and writes
// go on. The copy holds exactly what was committed at one moment during the
// call; it is one file without a log, checked for integrity and on the disk
// when Backup returns. To restore it, stop the service, remove the database
// with its -wal and -shm files, and put the copy in its place.
//
// It never overwrites: os.ErrExist when there is something at the path. A
// failed or interrupted backup leaves nothing there; a process that is killed
// may leave a file named path.partial-*, which can be deleted. Other errors:
// ErrNoBackup, ErrFull, ErrUnavailable, those of ctx.
func (db *DB) Backup(ctx context.Context, path string) error {
	if db.dsn.dialect != SQLite {
		return ErrNoBackup
	}
	if err := db.backup(ctx, path); err != nil {
		return fmt.Errorf("backing up %s to %s: %w", db.dsn.where(), path, err)
	}
	return nil
}

func (db *DB) backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.ErrExist
	}
	if err := db.Ping(ctx); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".partial-*")
	if err != nil {
		return fmt.Errorf("creating the file: %w", err)
	}
	defer func() {
		_ = partial.Close()
		_ = os.Remove(partial.Name())
	}()
	if err := db.vacuumInto(ctx, partial.Name()); err != nil {
		return err
	}
	if err := checkIntegrity(ctx, partial.Name()); err != nil {
		return err
	}
	if err := partial.Sync(); err != nil {
		return fmt.Errorf("writing it to the disk: %w", err)
	}
	// Unlike a rename, a link fails when somebody was faster.
	if err := os.Link(partial.Name(), path); err != nil {
		return fmt.Errorf("naming it: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// vacuumInto copies the database to an empty file. It has a connection of its
// own: the writer must stay free, and a reader may not write.
func (db *DB) vacuumInto(ctx context.Context, path string) error {
	return withSQLite(db.dsn.sqliteURI(false, "rw"), func(source *sql.DB) error {
		if _, err := source.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
			return fmt.Errorf("copying: %w", withFault(err))
		}
		return nil
	})
}

// checkIntegrity opens a database without changing it and has SQLite look at
// all of it.
func checkIntegrity(ctx context.Context, path string) error {
	d := dsn{dialect: SQLite, path: path}
	return withSQLite(d.fileURI()+"?mode=ro", func(copied *sql.DB) error {
		var verdict string
		if err := copied.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
			return fmt.Errorf("checking: %w", withFault(err))
		}
		if verdict != "ok" {
			return fmt.Errorf("checking: the copy is damaged: %s", verdict)
		}
		return nil
	})
}

func withSQLite(uri string, use func(*sql.DB) error) error {
	connector, err := sqlite.NewConnector(uri)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	return use(db)
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("writing its folder to the disk: %w", err)
	}
	defer func() { _ = folder.Close() }()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("writing its folder to the disk: %w", err)
	}
	return nil
}
