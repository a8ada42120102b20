// Command workers runs the workflows and activities of order placement: all
// task queues, or any subset, in one process. Start more of them for more
// throughput; Temporal shares the work out.
package main

import (
	"context"
	"os"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/telemetry"
	"orderflow/workers/internal/host"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	chassis.Config `embed:""`
	host.Settings  `embed:""`
}

// Validate completes the settings, and refuses what they then cannot mean. The
// parts are validated as well, by themselves.
func (s *settings) Validate() error {
	if err := s.BuiltAs(version); err != nil {
		return err
	}
	if err := s.CheckLookup(s.Lookup); err != nil {
		return err
	}
	return s.CheckPlainText(s.Temporal.Addr, s.Temporal.TLS, "temporal-tls")
}

func main() {
	var cfg settings
	config.Parse("workers", "Runs the workflows and activities of order placement.", &cfg, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := chassis.Run(ctx, "workers", version, cfg.Config, func(ctx context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
		return host.Build(ctx, cfg.Settings, cfg.Config, t)
	})
	stop()
	if err != nil {
		os.Exit(1)
	}
}
