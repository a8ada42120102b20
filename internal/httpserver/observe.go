package httpserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"orderflow/internal/telemetry"
)

const scope = "orderflow/internal/httpserver"

// orderIDParam is the path parameter whose value is an order's ID.
const orderIDParam = "orderId"

// SetOrderID makes the request's log line, and every line written with its
// context from now on, carry the order's ID. Handlers call it when the ID is
// not in the path.
func SetOrderID(c *gin.Context, id string) {
	c.Request = c.Request.WithContext(telemetry.WithOrderID(c.Request.Context(), id))
}

// observe traces, measures and logs each request: one middleware, because it
// is on every request's way, and the three need the same facts.
func observe(o Options) gin.HandlerFunc {
	log := o.Telemetry.Log.WithOptions(zap.WithCaller(false))
	tracer := o.Telemetry.Tracer.Tracer(scope)
	propagator := o.Telemetry.Propagator
	latency := register(o.Telemetry.Registry, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_server_request_duration_seconds",
		Help:    "Time from the request's header to the end of the answer.",
		Buckets: telemetry.LatencyBuckets(),
	}, []string{"method", "route", "status"}))
	inFlight := register(o.Telemetry.Registry, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "http_server_requests_in_flight",
		Help: "Requests that are being served.",
	}))

	return func(c *gin.Context) {
		start := time.Now()
		method, route := methodLabel(c.Request.Method), c.FullPath()
		ctx := propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		ctx, span := tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
		if id := orderIDOf(c, o.Public); id != "" {
			ctx = telemetry.WithOrderID(ctx, id)
		}
		c.Request = c.Request.WithContext(ctx)

		inFlight.Inc()
		answered := false
		// Deferred, because an answer that is dropped on purpose passes here
		// as a panic.
		defer func() {
			inFlight.Dec()
			status := noAnswer
			if answered {
				status = c.Writer.Status()
			}
			elapsed := time.Since(start)
			latency.WithLabelValues(method, route, strconv.Itoa(status)).Observe(elapsed.Seconds())
			endSpan(c.Request.Context(), span, route, status)
			logRequest(c, log, route, status, elapsed)
		}()
		c.Next()
		answered = true
	}
}

// noAnswer stands in metrics and logs for the status of a request whose
// connection was closed without an answer.
const noAnswer = 0

// register adds a metric, or returns the equal one that another engine on the
// same registry added before.
func register[C prometheus.Collector](registry *prometheus.Registry, metric C) C {
	err := registry.Register(metric)
	var registered prometheus.AlreadyRegisteredError
	if errors.As(err, &registered) {
		if existing, ok := registered.ExistingCollector.(C); ok {
			return existing
		}
	}
	return metric
}

// methodLabel keeps clients from making up label values.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	default:
		return "other"
	}
}

// orderIDOf returns the order that the request is about, as far as path and
// headers say, "" when they do not, or when it is no ID.
func orderIDOf(c *gin.Context, public bool) string {
	id := c.Param(orderIDParam)
	if id == "" && !public {
		id = c.GetHeader(telemetry.OrderIDHeader)
	}
	if !isReference(id) {
		return ""
	}
	return id
}

// isReference says whether a client's text is harmless in a log: it matches
// [A-Za-z0-9][A-Za-z0-9._-]{0,63}.
func isReference(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch b := id[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
		case i > 0 && (b == '.' || b == '_' || b == '-'):
		default:
			return false
		}
	}
	return true
}

func endSpan(ctx context.Context, span trace.Span, route string, status int) {
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("http.route", route),
			attribute.Int("http.response.status_code", status),
		)
		if id := telemetry.OrderID(ctx); id != "" {
			span.SetAttributes(attribute.String("orderId", id))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
	span.End()
}

// logRequest writes the request's one line. The path is left out, because it
// may hold a customer's ID; the route says as much.
func logRequest(c *gin.Context, log *zap.Logger, route string, status int, elapsed time.Duration) {
	level := zapcore.DebugLevel
	switch {
	case status == http.StatusInternalServerError:
		level = zapcore.ErrorLevel
	case status > http.StatusInternalServerError:
		level = zapcore.InfoLevel
	}
	entry := log.Check(level, "request")
	if entry == nil {
		return
	}
	fields := make([]zap.Field, 0, 9)
	fields = append(fields,
		zap.String("method", methodLabel(c.Request.Method)),
		zap.String("route", route),
		zap.Int("status", status),
		zap.Duration("elapsed", elapsed),
	)
	ctx := c.Request.Context()
	if id := telemetry.OrderID(ctx); id != "" {
		fields = append(fields, zap.String("orderId", id))
	}
	if id := telemetry.TraceID(ctx); id != "" {
		fields = append(fields, zap.String("traceId", id))
	}
	if subject := ClientCertificate(c.Request); subject != "" {
		fields = append(fields, zap.String("clientCertificate", subject))
	}
	if last := c.Errors.Last(); last != nil {
		fields = append(fields, zap.Error(last.Err))
	}
	entry.Write(fields...)
}
