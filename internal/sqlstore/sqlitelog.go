package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// SQLite's write-ahead log starts again from its beginning by itself at the
// first write at which no reader looks at it. Under readers that always
// overlap there is no such moment, and the log would grow with every write.
// Above logLimit the writer therefore makes one: it lets no other write in
// and waits, at most readersWait, until each reader that looks at the log has
// ended. New readers do not delay it, because they find everything in the
// database itself.
const (
	// logLimit is more than a log has after a long reader, see walLimit.
	logLimit = 2 * walLimit
	// logStep is how much more is written before a failed attempt is repeated.
	logStep     = walLimit
	readersWait = 250 * time.Millisecond
)

// sqliteLog bounds the write-ahead log of one database. nil bounds nothing.
type sqliteLog struct {
	path string
	// next is the size in bytes at which the next attempt is due.
	next atomic.Int64
}

func newSQLiteLog(databasePath string) *sqliteLog {
	log := &sqliteLog{path: databasePath + "-wal"}
	log.next.Store(logLimit)
	return log
}

// limit is called after each write, with the pool of the one writer. A log
// that could not be emptied is no failure of the write: the next attempt is
// due after logStep more.
func (l *sqliteLog) limit(ctx context.Context, writer *sql.DB) {
	if l == nil {
		return
	}
	info, err := os.Stat(l.path)
	if err != nil {
		return // the next write says so
	}
	due := l.next.Load()
	// Of several writers at once only one is to try.
	if info.Size() < due || !l.next.CompareAndSwap(due, info.Size()+logStep) {
		return
	}
	// The caller's write is done; its end must not stop this one half-way.
	emptied, err := emptyLog(context.WithoutCancel(ctx), writer)
	if err == nil && emptied {
		l.next.Store(logLimit)
	}
}

// emptyLog copies the log into the database and truncates it. It reports false
// when readers did not let it.
func emptyLog(ctx context.Context, writer *sql.DB) (emptied bool, err error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("emptying the log: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := setBusyTimeout(ctx, conn, readersWait); err != nil {
		return false, err
	}
	var busy, frames, copied int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &copied)
	if restored := setBusyTimeout(ctx, conn, busyTimeout); err == nil {
		err = restored
	}
	if err != nil {
		return false, fmt.Errorf("emptying the log: %w", err)
	}
	return busy == 0, nil
}

func setBusyTimeout(ctx context.Context, conn *sql.Conn, timeout time.Duration) error {
	var set int
	err := conn.QueryRowContext(ctx, fmt.Sprintf("PRAGMA busy_timeout(%d)", timeout.Milliseconds())).Scan(&set)
	if err != nil {
		return fmt.Errorf("setting the busy timeout: %w", err)
	}
	return nil
}
