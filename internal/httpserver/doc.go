// Package httpserver is the HTTP side that every process shares.
//
// [NewEngine] makes a Gin engine in which each request is traced, measured,
// logged, bounded in size and protected from panics, and which answers
// /healthz, /readyz and /metrics. Handlers take their input with [Bind] and
// answer with [Respond], [RespondVersioned] or [Fail]; every failure leaves as
// a problem document of RFC 9457 (internal/problem), and nothing internal
// leaves at all. [Listen] and [Serve] bring the engine to a port and drain it.
//
// The package knows no business routes, no authentication and no service
// discovery.
package httpserver
