// Command server is the payment service.
package main

import (
	"orderflow/internal/chassis"
	"orderflow/services/payment/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	chassis.MainOnDatabase(chassis.Program{
		Name: "payment", Version: version,
		Description: "The payment service: charges, refunds and the ledger of both.",
	}, internal.Build)
}
