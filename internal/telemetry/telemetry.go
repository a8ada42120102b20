package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// Config says how much is logged and where traces go. The tags are read by
// internal/config. The zero value is valid: info, JSON, no export.
type Config struct {
	LogLevel  string `default:"info" enum:"debug,info,warn,error" help:"Least level that is logged: ${enum}."`
	LogFormat string `default:"json" enum:"json,console" help:"Form of log lines: ${enum}."`

	Traces         string  `default:"off" enum:"off,stdout,otlp" help:"Where spans are exported to: ${enum}. Trace IDs exist always."`
	TracesEndpoint string  `default:"http://127.0.0.1:4318/v1/traces" type:"httpurl" help:"URL of the OTLP/HTTP collector, with its path, for traces=otlp."`
	TracesRatio    float64 `default:"1" min:"0" max:"1" help:"Share of traces that are exported, from 0 to 1."`

	// LogOutput receives log lines; nil is standard error.
	LogOutput io.Writer `kong:"-"`
	// SpanOutput receives the spans of traces=stdout; nil is standard output.
	SpanOutput io.Writer `kong:"-"`
}

// Validate returns what is wrong with the first wrong setting, nil for none.
func (c Config) Validate() error {
	if c.TracesRatio < 0 || c.TracesRatio > 1 {
		return fmt.Errorf("traces-ratio: %v is not between 0 and 1", c.TracesRatio)
	}
	if c.Traces != TracesOTLP {
		return nil
	}
	endpoint, err := url.Parse(c.TracesEndpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return fmt.Errorf("traces-endpoint: %q is no http or https URL", c.TracesEndpoint)
	}
	return nil
}

// Telemetry is what a process reports with. All fields are set, and all are
// safe for concurrent use.
type Telemetry struct {
	// Log carries component, instanceId and version on every line. Use
	// [Logger] to add the order and the trace of a context.
	Log *zap.Logger
	// Registry is what /metrics shows.
	Registry *prometheus.Registry
	// Meter makes OpenTelemetry instruments that appear in Registry.
	Meter metric.MeterProvider
	// Tracer makes spans.
	Tracer trace.TracerProvider
	// Propagator carries the trace over process boundaries.
	Propagator propagation.TextMapPropagator

	closers []func(context.Context) error
}

// Start builds the telemetry of one process. Component is the process's name
// ("gateway", "payment"), instanceID tells equal processes apart. An error is
// a wrong setting: the process should end. Call Close at the end.
//
// Start also sends the errors of OpenTelemetry's exporters to the log. That
// handler is global to the process by OpenTelemetry's design; the last Start
// wins.
func Start(ctx context.Context, component, instanceID, version string, cfg Config) (*Telemetry, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	log, err := newLogger(component, instanceID, version, cfg)
	if err != nil {
		return nil, err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("telemetry export failed", zap.Error(err))
	}))
	// Attribute names of OpenTelemetry's semantic conventions for services.
	process := resource.NewSchemaless(
		attribute.String("service.name", component),
		attribute.String("service.instance.id", instanceID),
		attribute.String("service.version", version),
	)
	tracer, err := newTracerProvider(ctx, process, cfg)
	if err != nil {
		return nil, err
	}
	registry := newRegistry()
	meter, err := newMeterProvider(process, registry)
	if err != nil {
		return nil, errors.Join(err, tracer.Shutdown(ctx))
	}
	return &Telemetry{
		Log:        log,
		Registry:   registry,
		Meter:      meter,
		Tracer:     tracer,
		Propagator: propagation.TraceContext{},
		closers:    []func(context.Context) error{tracer.Shutdown, meter.Shutdown},
	}, nil
}

// Discard returns telemetry that exports and logs nothing, for tests and for
// libraries whose caller gave none. It still makes trace IDs. It needs no
// Close.
func Discard() *Telemetry {
	registry := prometheus.NewRegistry()
	process := resource.Empty()
	// Cannot fail on an empty registry.
	meter, _ := newMeterProvider(process, registry)
	return &Telemetry{
		Log:        zap.NewNop(),
		Registry:   registry,
		Meter:      meter,
		Tracer:     neverExported(process),
		Propagator: propagation.TraceContext{},
	}
}

// Close exports what is still held back, within ctx's deadline. The telemetry
// can be used afterwards, but nothing is exported any more.
func (t *Telemetry) Close(ctx context.Context) error {
	failures := make([]error, 0, len(t.closers))
	for _, closer := range t.closers {
		failures = append(failures, closer(ctx))
	}
	// Standard error is not buffered, and syncing a terminal or pipe fails.
	_ = t.Log.Sync()
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("closing telemetry: %w", err)
	}
	return nil
}
