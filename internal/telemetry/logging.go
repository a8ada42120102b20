package telemetry

import (
	"context"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func newLogger(component, instanceID, version string, cfg Config) (*zap.Logger, error) {
	level := zapcore.InfoLevel
	if cfg.LogLevel != "" {
		var err error
		if level, err = zapcore.ParseLevel(cfg.LogLevel); err != nil {
			return nil, fmt.Errorf("log-level: %w", err)
		}
	}
	encoding := zap.NewProductionEncoderConfig()
	encoding.TimeKey = "time"
	encoding.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	encoding.EncodeDuration = zapcore.StringDurationEncoder

	var encoder zapcore.Encoder
	switch cfg.LogFormat {
	case "", "json":
		encoder = zapcore.NewJSONEncoder(encoding)
	case "console":
		encoding.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(encoding)
	default:
		return nil, fmt.Errorf("log-format: %q is neither json nor console", cfg.LogFormat)
	}
	var output io.Writer = os.Stderr
	if cfg.LogOutput != nil {
		output = cfg.LogOutput
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(output)), level)
	return zap.New(core, zap.AddCaller(), zap.AddStacktrace(zapcore.DPanicLevel)).With(
		zap.String("component", component),
		zap.String("instanceId", instanceID),
		zap.String("version", version),
	), nil
}

// OrderIDHeader carries the order that a call between processes is made for,
// so that the log lines of both name it. It means nothing beyond logs.
const OrderIDHeader = "Orderflow-Order-Id"

type orderIDKey struct{}

// WithOrderID returns a context whose log lines carry the order's ID.
func WithOrderID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, orderIDKey{}, id)
}

// OrderID returns the order's ID that WithOrderID put in, "" when there is none.
func OrderID(ctx context.Context) string {
	id, _ := ctx.Value(orderIDKey{}).(string)
	return id
}

// TraceID returns the ID of the trace that ctx belongs to, 32 hexadecimal
// digits, "" when it belongs to none.
func TraceID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// Logger returns log with the orderId and traceId found in ctx. It copies the
// logger: on a hot path call it only where a line is written.
func Logger(ctx context.Context, log *zap.Logger) *zap.Logger {
	fields := make([]zap.Field, 0, 2)
	if id := OrderID(ctx); id != "" {
		fields = append(fields, zap.String("orderId", id))
	}
	if id := TraceID(ctx); id != "" {
		fields = append(fields, zap.String("traceId", id))
	}
	if len(fields) == 0 {
		return log
	}
	return log.With(fields...)
}
