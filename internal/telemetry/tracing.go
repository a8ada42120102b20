package telemetry

import (
	"context"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// The values of Config.Traces.
const (
	// TracesOff exports nothing.
	TracesOff = "off"
	// TracesStdout writes spans as JSON to standard output.
	TracesStdout = "stdout"
	// TracesOTLP sends spans to a collector by OTLP over HTTP.
	TracesOTLP = "otlp"
)

// neverExported makes spans that cost their two IDs and little else.
func neverExported(process *resource.Resource) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(process),
		sdktrace.WithSampler(sdktrace.NeverSample()),
	)
}

func newTracerProvider(ctx context.Context, process *resource.Resource, cfg Config) (*sdktrace.TracerProvider, error) {
	var exporter sdktrace.SpanExporter
	var err error
	switch cfg.Traces {
	case "", TracesOff:
		return neverExported(process), nil
	case TracesStdout:
		var output io.Writer = os.Stdout
		if cfg.SpanOutput != nil {
			output = cfg.SpanOutput
		}
		exporter, err = stdouttrace.New(stdouttrace.WithWriter(output))
	case TracesOTLP:
		exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(cfg.TracesEndpoint))
	default:
		return nil, fmt.Errorf("traces: %q is none of off, stdout, otlp", cfg.Traces)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the %s span exporter: %w", cfg.Traces, err)
	}
	// The first process of a trace decides for the whole trace.
	sampler := sdktrace.ParentBased(sdktrace.TraceIDRatioBased(cfg.TracesRatio))
	return sdktrace.NewTracerProvider(
		sdktrace.WithResource(process),
		sdktrace.WithSampler(sampler),
		sdktrace.WithBatcher(exporter),
	), nil
}
