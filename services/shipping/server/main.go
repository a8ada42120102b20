// Command server is the shipping service.
package main

import (
	"orderflow/internal/chassis"
	"orderflow/services/shipping/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	chassis.MainOnDatabase(chassis.Program{
		Name: "shipping", Version: version,
		Description: "The shipping service: shipments at the carrier and their cancellation.",
	}, internal.Build)
}
