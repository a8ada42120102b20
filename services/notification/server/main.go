// Command server is the notification service.
package main

import (
	"context"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/telemetry"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	chassis.DatabaseConfig `embed:""`

	Sink string `placeholder:"FILE" help:"File that messages are delivered to, as JSON Lines; by default notifications.jsonl beside a SQLite database, or in ./.orderflow."`

	SMTP sink.SMTPConfig `embed:"" prefix:"smtp-"`
}

// Validate refuses two sinks at a time. The parts are validated as well, by
// themselves.
func (s *settings) Validate() error {
	if s.Sink != "" && s.SMTP.Enabled() {
		return config.Wrong("sink", "messages go to a file or to a mail server, not to both")
	}
	return nil
}

func main() {
	var cfg settings
	chassis.Main(chassis.Program{
		Name: "notification", Version: version,
		Description: "The notification service: messages to customers.",
	}, &cfg, func(ctx context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
		return internal.Build(ctx, internal.Config{DSN: cfg.DSN, Sink: cfg.Sink, SMTP: cfg.SMTP}, t.Log)
	})
}
