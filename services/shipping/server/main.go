// Command server is the shipping service.
package main

import (
	"context"
	"os"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/sqlstore"
	"orderflow/internal/telemetry"
	"orderflow/services/shipping/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	chassis.Config `embed:""`

	DSN string `name:"dsn" default:"sqlite:./.orderflow/shipping.db" placeholder:"DSN" help:"The service's own database: sqlite:PATH or postgres://USER@HOST/DATABASE."`
}

// Validate refuses a DSN that names no database.
func (s *settings) Validate() error {
	if err := sqlstore.CheckDSN(s.DSN); err != nil {
		return config.Wrong("dsn", "%v", err)
	}
	return nil
}

func main() {
	var cfg settings
	config.Parse("shipping", "The shipping service: shipments at the carrier and their cancellation.", &cfg, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := chassis.Run(ctx, "shipping", version, cfg.Config, func(ctx context.Context, _ *telemetry.Telemetry) (chassis.Parts, error) {
		return internal.Build(ctx, cfg.DSN)
	})
	stop()
	if err != nil { // it is logged already
		os.Exit(1)
	}
}
