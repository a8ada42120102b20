// Command server is the order service.
package main

import (
	"context"

	"orderflow/internal/chassis"
	"orderflow/internal/telemetry"
	"orderflow/services/order/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	var cfg chassis.DatabaseConfig
	chassis.Main(chassis.Program{
		Name: "order", Version: version,
		Description: "The order service: accepts and shows orders, event-sourced.",
	}, &cfg, func(ctx context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
		service, err := internal.Open(ctx, internal.Config{DSN: cfg.DSN}, t)
		if err != nil {
			return chassis.Parts{}, err
		}
		return service.Parts(), nil
	})
}
