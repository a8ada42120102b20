package internal

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/services/notification/internal/sink"
)

// Config says where the service keeps and delivers messages.
type Config struct {
	DSN string
	// Sink is the file that messages are delivered to; empty is DefaultSink.
	Sink string
}

// DefaultSink is the file that messages are delivered to when no other is
// named: beside a SQLite database, or in the working folder's .orderflow.
func DefaultSink(dsn string) string {
	const name = "notifications.jsonl"
	if path, embedded := strings.CutPrefix(dsn, "sqlite:"); embedded {
		return filepath.Join(filepath.Dir(strings.TrimPrefix(path, "//")), name)
	}
	return filepath.Join(".orderflow", name)
}

// Build opens database and sink and puts the service together. The errors are
// those of sqlstore.Open and sink.OpenFile.
func Build(ctx context.Context, cfg Config, log *zap.Logger) (chassis.Parts, error) {
	if cfg.Sink == "" {
		cfg.Sink = DefaultSink(cfg.DSN)
	}
	db, err := sqlstore.Open(ctx, cfg.DSN, Schemas()...)
	if err != nil {
		return chassis.Parts{}, err
	}
	file, err := sink.OpenFile(cfg.Sink)
	if err != nil {
		return chassis.Parts{}, errors.Join(err, db.Close())
	}
	loop := NewLoop(NewDeliverer(db, file, now, log).RunOnce, log)
	return chassis.Parts{
		Routes:     Routes(NewService(db, now, loop.Wake)),
		Checks:     map[string]func(context.Context) error{"database": db.Ping},
		Background: []func(context.Context) error{loop.Run},
		Close:      func() error { return errors.Join(file.Close(), db.Close()) },
	}, nil
}

// now has the precision that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
