package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// Another process, an operator's shell perhaps, may have the file open too.
func TestASecondProcessOnTheSameFileWaitsForTheFirst(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	first := sqlstoretest.Open(t, dsn, counters())

	written, done := make(chan struct{}), make(chan error, 1)
	finish := make(chan struct{})
	go func() {
		done <- first.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			err := increment(ctx, tx, "a")
			close(written)
			<-finish
			return err
		})
	}()
	<-written

	// Opening needs no write when there is nothing to migrate.
	second := sqlstoretest.Open(t, dsn, counters())
	assert.Equal(t, 0, value(t, second, "a"))

	time.AfterFunc(50*time.Millisecond, func() { close(finish) })
	require.NoError(t, second.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "a") }))
	require.NoError(t, <-done)
	assert.Equal(t, 2, value(t, first, "a"))
}

func TestTheWriteAheadLogShrinksAfterALongReader(t *testing.T) {
	const limit = 16 << 20
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	logSize := func() int64 {
		info, err := os.Stat(strings.TrimPrefix(dsn, "sqlite:") + "-wal")
		require.NoError(t, err)
		return info.Size()
	}
	writeOneMebibyte := func(ctx context.Context, tx *sql.Tx) error {
		_, drop := tx.ExecContext(ctx, `DELETE FROM counter WHERE name = 'large'`)
		_, fill := tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ('large', zeroblob(1048576))`)
		return errors.Join(drop, fill)
	}

	reader, err := db.Reader().QueryContext(t.Context(), `SELECT name FROM counter ORDER BY name`)
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	require.True(t, reader.Next())
	for range 24 {
		require.NoError(t, db.InTx(t.Context(), writeOneMebibyte))
	}
	assert.Greater(t, logSize(), int64(limit), "the reader still needs the old pages")

	require.NoError(t, reader.Close())
	require.NoError(t, reader.Err())
	for range 2 {
		require.NoError(t, db.InTx(t.Context(), writeOneMebibyte))
	}
	assert.LessOrEqual(t, logSize(), int64(limit))
}

func TestCloseFoldsTheLogIntoTheFile(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db, err := sqlstore.Open(t.Context(), dsn, counters())
	require.NoError(t, err)
	assert.Equal(t, 0, value(t, db, "a"))
	require.NoError(t, db.Close())
	assert.NoFileExists(t, strings.TrimPrefix(dsn, "sqlite:")+"-wal")
}

// The readers begin and end at different times and see several writes each, so
// that at every moment one of them needs something of the log.
func TestTheWriteAheadLogIsBoundedUnderOverlappingReaders(t *testing.T) {
	const bound = 48 << 20
	const readers, readingTime = 4, 40 * time.Millisecond
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for i := range readers {
		reading.Go(func() {
			ends := time.NewTimer(readingTime * time.Duration(i+1) / readers)
			for ctx.Err() == nil {
				rows, err := db.Reader().QueryContext(ctx, `SELECT name FROM counter ORDER BY name`)
				if err != nil {
					return // the test is over
				}
				rows.Next()
				select {
				case <-ends.C:
					ends.Reset(readingTime)
				case <-ctx.Done():
				}
				_ = errors.Join(rows.Close(), rows.Err())
			}
		})
	}
	for range 80 {
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO counter (name, value) VALUES ('large', randomblob(1048576))
				ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
			return err
		})
		info, err := os.Stat(fileOf(dsn) + "-wal")
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(bound))
	}
	stop()
	reading.Wait()
	write(t, db, func(ctx context.Context, tx *sql.Tx) error {
		var timeout int
		err := tx.QueryRowContext(ctx, `SELECT timeout FROM pragma_busy_timeout`).Scan(&timeout)
		assert.Equal(t, 5000, timeout, "the writer is as patient as before")
		return err
	})
}
