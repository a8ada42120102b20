// Package telemetry gives a process its logger, tracer and metrics.
//
// Every process of the product calls [Start] once, first of all, and hands the
// parts on as values. Logs are JSON lines on standard error (zap). Traces
// follow W3C Trace Context, so that one trace runs through gateway, workflow,
// activity and service; they are exported only when a setting says so, but
// trace IDs exist always, so that log lines of one order can be joined.
// Metrics of OpenTelemetry instruments and of Prometheus collectors meet in
// one Prometheus registry.
//
// A log line never carries tokens, card data, names or addresses. The keys
// that join lines are orderId and traceId.
//
// The package does not serve metrics and does not instrument HTTP; that is
// internal/httpserver's work.
package telemetry
