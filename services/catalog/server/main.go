// Command server is the catalogue service.
package main

import (
	"orderflow/internal/chassis"
	"orderflow/services/catalog/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	chassis.MainOnDatabase(chassis.Program{
		Name: "catalog", Version: version,
		Description: "The catalogue service: products and their prices of today.",
	}, internal.Build)
}
