// Command server is the customer service.
package main

import (
	"orderflow/internal/chassis"
	"orderflow/services/customer/internal"
)

// version is set by the linker: -X main.version=v1.2.3.
var version = "dev"

func main() {
	chassis.MainOnDatabase(chassis.Program{
		Name: "customer", Version: version,
		Description: "The customer service: names and addresses of customers.",
	}, internal.Build)
}
