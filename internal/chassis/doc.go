// Package chassis is the microservice chassis: what every service's main does
// in the same way (Chris Richardson, Microservices Patterns, "Microservice
// chassis").
//
// A service gives [Run] a function that builds its [Parts]: routes, checks,
// background work and how to close. Run brings them up in order (telemetry,
// build, port, server, registration in Consul) and down in the opposite one,
// so that no instance is found before it can answer, or still found when it
// cannot.
//
// Where it is given keys, a service takes calls that our own processes have
// signed, and no others; see [Config] and [Identity].
//
// The gateway and the workers use it too, as far as it fits. It knows no
// business and no Temporal.
package chassis
