package devstack

import (
	"strconv"
	"time"

	"orderflow/internal/toolchain"
)

// Names under which processes stand in Consul and with the supervisor. A
// worker process is called workers-1, workers-2 and so on; of the others, the
// first one has the plain name.
const (
	temporalProcess = "temporal"
	consulProcess   = "consul"
	gatewayService  = "gateway"
	workersService  = "workers"
	starterProgram  = "starter"
)

// drainTimeout is how long our processes may take for requests in flight when
// they stop. It leaves each time within its grace for the rest.
const drainTimeout = 3 * time.Second

// Services lists the services that have a store of their own.
func Services() []string {
	return []string{"order", "inventory", "payment", "shipping", "notification", "customer", "catalog"}
}

// programs lists what is built of the project: a server per service, the
// workers, the gateway, the starter.
func programs() []toolchain.Program {
	var all []toolchain.Program
	for _, service := range Services() {
		all = append(all, toolchain.Program{Name: service, Package: "./services/" + service + "/server"})
	}
	for _, name := range []string{workersService, gatewayService, starterProgram} {
		all = append(all, toolchain.Program{Name: name, Package: "./" + name})
	}
	return all
}

// instanceID is the same for a restarted process, so that it replaces its own
// registration.
func instanceID(service string, number int) string {
	return service + "-" + strconv.Itoa(number)
}

// processName is what the supervisor calls an instance of a service or of the
// gateway. The first has the name of the service, for it is usually the only
// one.
func processName(service string, number int) string {
	if number == 1 {
		return service
	}
	return instanceID(service, number)
}
