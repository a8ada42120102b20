package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Start(t.Context(), "payment", "payment-1", "v1.2.3", cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tel.Close(context.Background())) })
	return tel
}

func TestLogLinesNameTheProcessTheOrderAndTheTrace(t *testing.T) {
	var output bytes.Buffer
	tel := start(t, telemetry.Config{LogOutput: &output})

	ctx, span := tel.Tracer.Tracer("test").Start(t.Context(), "charge")
	defer span.End()
	ctx = telemetry.WithOrderID(ctx, "order-7")
	telemetry.Logger(ctx, tel.Log).Info("charged")

	var line map[string]any
	require.NoError(t, json.Unmarshal(output.Bytes(), &line), output.String())
	assert.Equal(t, "payment", line["component"])
	assert.Equal(t, "payment-1", line["instanceId"])
	assert.Equal(t, "v1.2.3", line["version"])
	assert.Equal(t, "order-7", line["orderId"])
	assert.Equal(t, "charged", line["msg"])
	assert.Equal(t, span.SpanContext().TraceID().String(), line["traceId"])
	assert.Equal(t, "order-7", telemetry.OrderID(ctx))
}

func TestALoggerWithoutOrderAndTraceIsTheSame(t *testing.T) {
	tel := telemetry.Discard()
	assert.Same(t, tel.Log, telemetry.Logger(t.Context(), tel.Log))
	assert.Empty(t, telemetry.OrderID(t.Context()))
	assert.Empty(t, telemetry.TraceID(t.Context()))
}

func TestOnlyLinesOfTheLevelAreWritten(t *testing.T) {
	var output bytes.Buffer
	tel := start(t, telemetry.Config{LogLevel: "warn", LogFormat: "console", LogOutput: &output})
	tel.Log.Info("quiet")
	tel.Log.Warn("loud", zap.String("orderId", "order-7"))
	assert.NotContains(t, output.String(), "quiet")
	assert.Contains(t, output.String(), "WARN")
	assert.Contains(t, output.String(), "loud")
}

func TestATraceCrossesProcessesEvenWhenNothingIsExported(t *testing.T) {
	for _, traces := range []string{telemetry.TracesOff, telemetry.TracesStdout} {
		t.Run(traces, func(t *testing.T) {
			cfg := telemetry.Config{Traces: traces, TracesRatio: 1, SpanOutput: io.Discard, LogOutput: io.Discard}
			gateway, payment := start(t, cfg), start(t, cfg)

			ctx, root := gateway.Tracer.Tracer("test").Start(t.Context(), "place order")
			header := http.Header{}
			gateway.Propagator.Inject(ctx, propagation.HeaderCarrier(header))
			require.NotEmpty(t, header.Get("Traceparent"))

			ctx = payment.Propagator.Extract(t.Context(), propagation.HeaderCarrier(header))
			ctx, child := payment.Tracer.Tracer("test").Start(ctx, "charge")
			assert.Equal(t, root.SpanContext().TraceID(), child.SpanContext().TraceID())
			assert.NotEqual(t, root.SpanContext().SpanID(), child.SpanContext().SpanID())
			assert.Len(t, telemetry.TraceID(ctx), 32)
			assert.Equal(t, traces != telemetry.TracesOff, child.IsRecording())
			child.End()
			root.End()
		})
	}
}

func TestSpansAreExportedAtCloseAtTheLatest(t *testing.T) {
	var output bytes.Buffer
	tel, err := telemetry.Start(t.Context(), "payment", "payment-1", "v1",
		telemetry.Config{Traces: telemetry.TracesStdout, TracesRatio: 1, SpanOutput: &output})
	require.NoError(t, err)
	_, span := tel.Tracer.Tracer("test").Start(t.Context(), "charge card")
	span.End()
	require.NoError(t, tel.Close(t.Context()))
	assert.Contains(t, output.String(), "charge card")
	assert.Contains(t, output.String(), "payment-1")
}

func TestSpansReachACollector(t *testing.T) {
	var received atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && bytes.Contains(body, []byte("charge card")) {
			received.Add(1)
		}
	}))
	defer collector.Close()

	tel, err := telemetry.Start(t.Context(), "payment", "payment-1", "v1", telemetry.Config{
		Traces: telemetry.TracesOTLP, TracesRatio: 1, TracesEndpoint: collector.URL + "/v1/traces",
	})
	require.NoError(t, err)
	_, span := tel.Tracer.Tracer("test").Start(t.Context(), "charge card")
	span.End()
	require.NoError(t, tel.Close(t.Context()))
	assert.EqualValues(t, 1, received.Load())
}

func TestOpenTelemetryMetricsAppearInTheRegistryInSeconds(t *testing.T) {
	tel := start(t, telemetry.Config{LogOutput: io.Discard})
	meter := tel.Meter.Meter("test")
	counter, err := meter.Int64Counter("orders")
	require.NoError(t, err)
	counter.Add(t.Context(), 3)
	latency, err := meter.Float64Histogram("step.latency", metric.WithUnit("s"))
	require.NoError(t, err)
	latency.Record(t.Context(), 0.004)

	families, err := tel.Registry.Gather()
	require.NoError(t, err)
	metrics := map[string]*dto.Metric{}
	for _, family := range families {
		metrics[family.GetName()] = family.GetMetric()[0]
	}
	assert.Contains(t, metrics, "go_goroutines")
	assert.Contains(t, metrics, "target_info")
	require.Contains(t, metrics, "orders_total")
	assert.EqualValues(t, 3, metrics["orders_total"].GetCounter().GetValue())
	require.Contains(t, metrics, "step_latency_seconds")
	var bounds []float64
	for _, bucket := range metrics["step_latency_seconds"].GetHistogram().GetBucket() {
		bounds = append(bounds, bucket.GetUpperBound())
	}
	assert.Equal(t, telemetry.LatencyBuckets(), bounds)
}

func TestAWrongSettingIsRefused(t *testing.T) {
	for name, cfg := range map[string]telemetry.Config{
		"log-level":       {LogLevel: "loud"},
		"log-format":      {LogFormat: "xml"},
		"traces":          {Traces: "jaeger"},
		"traces-ratio":    {TracesRatio: 2},
		"traces-endpoint": {Traces: telemetry.TracesOTLP, TracesEndpoint: "collector:4318"},
	} {
		_, err := telemetry.Start(t.Context(), "payment", "payment-1", "v1", cfg)
		assert.ErrorContains(t, err, name+": ", name)
	}
}
