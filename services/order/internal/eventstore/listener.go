package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"orderflow/internal/sqlstore"
)

// channel is the name under which PostgreSQL passes on that events were
// appended. Names belong to a database, and this one to this package.
const channel = "orderflow_events"

// defaultReconnect is how long a Listener waits before it connects again.
const defaultReconnect = time.Second

// announce makes PostgreSQL tell the listeners when, and only if, tx commits.
// SQLite has no such thing.
func (s *Store) announce(ctx context.Context, tx *sql.Tx) error {
	if s.db.Dialect() != sqlstore.Postgres {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
		return fmt.Errorf("announcing events: %w", err)
	}
	return nil
}

// Listener wakes a reader of the store when events were appended by any process
// on the same PostgreSQL database, with LISTEN on a connection of its own.
//
// It makes readers fast, and never right: a notification can be lost with its
// connection. Readers poll as well, however seldom.
type Listener struct {
	dsn       string
	wake      func()
	reconnect time.Duration
	log       *zap.Logger
}

// NewListener returns a listener on the database of a postgres:// DSN. Wake is
// called after each append, and after each new connection, because events may
// have come while there was none. It must not block.
func NewListener(dsn string, wake func(), log *zap.Logger) *Listener {
	return &Listener{dsn: dsn, wake: wake, reconnect: defaultReconnect, log: log}
}

// Run listens until ctx ends, then returns nil. A connection that is lost, or
// cannot be made, is made again a second later.
func (l *Listener) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := l.listen(ctx); ctx.Err() == nil {
			l.log.Warn("listening for events was interrupted; polling goes on", zap.Error(err))
		}
		timer := time.NewTimer(l.reconnect)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// listen returns when the connection fails or ctx ends.
func (l *Listener) listen(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, l.dsn)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() {
		// Nothing is in flight, so it is short; ctx may have ended.
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.reconnect)
		defer cancel()
		_ = connection.Close(closing)
	}()
	if _, err := connection.Exec(ctx, `LISTEN `+channel); err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	for {
		l.wake()
		if _, err := connection.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("waiting for a notification: %w", err)
		}
	}
}
