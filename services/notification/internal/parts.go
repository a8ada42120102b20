package internal

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"

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
	// SMTP is the mail server that messages are delivered to instead, when it
	// is enabled. There is one sink at a time, since a message has one state,
	// which could not tell to which of two it has come.
	SMTP sink.SMTPConfig
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
// those of sqlstore.Open, sink.OpenFile and sink.NewSMTP. A mail server need not
// be there yet.
func Build(ctx context.Context, cfg Config, log *zap.Logger) (chassis.Parts, error) {
	db, err := sqlstore.Open(ctx, cfg.DSN, Schemas()...)
	if err != nil {
		return chassis.Parts{}, err
	}
	chosen, closeSink, err := openSink(cfg, log)
	if err != nil {
		return chassis.Parts{}, errors.Join(err, db.Close())
	}
	loop := NewLoop(NewDeliverer(db, chosen, sqlstore.Now, log).RunOnce, log)
	return chassis.Parts{
		Routes:     Routes(NewService(db, sqlstore.Now, loop.Wake)), //nolint:contextcheck // handlers take the context of their request
		Checks:     map[string]func(context.Context) error{"database": db.Ping},
		Background: []func(context.Context) error{loop.Run},
		Close:      func() error { return errors.Join(closeSink(), db.Close()) },
	}, nil
}

// openSink returns the one sink that the settings name.
func openSink(cfg Config, log *zap.Logger) (_ Sink, closeSink func() error, _ error) {
	if cfg.SMTP.Enabled() {
		mail, err := sink.NewSMTP(cfg.SMTP, log)
		return mail, func() error { return nil }, err
	}
	path := cmp.Or(cfg.Sink, DefaultSink(cfg.DSN))
	file, err := sink.OpenFile(path)
	if err != nil {
		return nil, nil, err
	}
	return file, file.Close, nil
}
