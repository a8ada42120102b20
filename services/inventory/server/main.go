// Command server is the inventory service.
package main

import (
	"orderflow/internal/chassis"
	"orderflow/services/inventory/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	chassis.MainOnDatabase(chassis.Program{
		Name: "inventory", Version: version,
		Description: "The inventory service: stock on the shelf, reserved and shipped.",
	}, internal.Build)
}
