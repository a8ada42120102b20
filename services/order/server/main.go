// Command server is the order service.
package main

import (
	"context"
	"fmt"
	"os"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/sqlstore"
	"orderflow/internal/telemetry"
	"orderflow/services/order/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

type settings struct {
	chassis.Config `embed:""`

	DSN string `name:"dsn" default:"sqlite:./.orderflow/order.db" placeholder:"DSN" help:"The service's own database: sqlite:PATH or postgres://USER@HOST/DATABASE."`
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
	config.Parse("order", "The order service: accepts and shows orders, event-sourced.", &cfg, os.Args[1:])
	ctx, stop := lifecycle.Context()
	err := chassis.Run(ctx, "order", version, cfg.Config, func(ctx context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
		service, err := internal.Open(ctx, internal.Config{DSN: cfg.DSN}, t)
		if err != nil {
			return chassis.Parts{}, err
		}
		return service.Parts(), nil
	})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "order:", err)
		os.Exit(1)
	}
}
