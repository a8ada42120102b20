// Command gateway is the one door of the product: it authenticates, limits,
// validates and prices, starts order placements at Temporal, joins what the
// services know of an order, and routes the rest to the service that owns it.
//
// It keeps nothing: any number of gateways can stand beside each other.
package main

import (
	"context"
	"fmt"
	"os"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/lifecycle"
	"orderflow/internal/telemetry"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	var cfg settings
	config.Parse("gateway", "The gateway: the public HTTP API of Orderflow.", &cfg, os.Args[1:])
	cfg.Config = cfg.Named(gatewayService) // what it answers of itself has its name
	ctx, stop := lifecycle.Context()
	err := chassis.Run(ctx, gatewayService, version, cfg.chassis(),
		func(_ context.Context, t *telemetry.Telemetry) (chassis.Parts, error) {
			return build(&cfg, t) //nolint:contextcheck // what it opened is closed after ctx has ended
		})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}
