// Command server is the notification service.
package main

import (
	"context"
	"os"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/sqlstore"
	"orderflow/internal/telemetry"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	chassis.Config `embed:""`

	DSN  string `name:"dsn" default:"sqlite:./.orderflow/notification.db" placeholder:"DSN" help:"The service's own database: sqlite:PATH or postgres://USER@HOST/DATABASE."`
	Sink string `placeholder:"FILE" help:"File that messages are delivered to, as JSON Lines; by default notifications.jsonl beside a SQLite database, or in ./.orderflow."`

	SMTP sink.SMTPConfig `embed:"" prefix:"smtp-"`
}

// Validate refuses a DSN that names no database, and two sinks at a time.
func (s *settings) Validate() error {
	if err := sqlstore.CheckDSN(s.DSN); err != nil {
		return config.Wrong("dsn", "%v", err)
	}
	if s.Sink != "" && s.SMTP.Enabled() {
		return config.Wrong("sink", "messages go to a file or to a mail server, not to both")
	}
	return nil
}

func main() {
	var cfg settings
	config.Parse("notification", "The notification service: messages to customers.", &cfg, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := chassis.Run(ctx, "notification", version, cfg.Config, func(ctx context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
		return internal.Build(ctx, internal.Config{DSN: cfg.DSN, Sink: cfg.Sink, SMTP: cfg.SMTP}, t.Log)
	})
	stop()
	if err != nil { // it is logged already
		os.Exit(1)
	}
}
