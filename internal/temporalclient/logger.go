package temporalclient

import (
	"fmt"

	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Logger adapts zap to Temporal's logging interface. Its caller is the line
// that logs, not the adapter.
type Logger struct {
	zap *zap.Logger
}

var (
	_ log.Logger          = (*Logger)(nil)
	_ log.WithLogger      = (*Logger)(nil)
	_ log.WithSkipCallers = (*Logger)(nil)
)

// NewLogger returns a Temporal logger that writes to z.
func NewLogger(z *zap.Logger) *Logger {
	// One level for the method of Logger, one for write.
	return &Logger{zap: z.WithOptions(zap.AddCallerSkip(2))}
}

// Debug implements log.Logger.
func (l *Logger) Debug(message string, keyvals ...any) { l.write(zap.DebugLevel, message, keyvals) }

// Info implements log.Logger.
func (l *Logger) Info(message string, keyvals ...any) { l.write(zap.InfoLevel, message, keyvals) }

// Warn implements log.Logger.
func (l *Logger) Warn(message string, keyvals ...any) { l.write(zap.WarnLevel, message, keyvals) }

// Error implements log.Logger.
func (l *Logger) Error(message string, keyvals ...any) { l.write(zap.ErrorLevel, message, keyvals) }

// With implements log.WithLogger.
func (l *Logger) With(keyvals ...any) log.Logger {
	return &Logger{zap: l.zap.With(fieldsOf(keyvals)...)}
}

// WithCallerSkip implements log.WithSkipCallers.
func (l *Logger) WithCallerSkip(depth int) log.Logger {
	return &Logger{zap: l.zap.WithOptions(zap.AddCallerSkip(depth))}
}

func (l *Logger) write(level zapcore.Level, message string, keyvals []any) {
	// Checked first: workers log at debug level on their hot path.
	if entry := l.zap.Check(level, message); entry != nil {
		entry.Write(fieldsOf(keyvals)...)
	}
}

// orderIDKey is the key under which an order's ID is logged everywhere.
const orderIDKey = "orderId"

// fieldsOf turns Temporal's alternating keys and values into fields. The
// workflow's ID is the order's ID, and is logged under its name too, so that
// one search finds an order in all components.
func fieldsOf(keyvals []any) []zap.Field {
	fields := make([]zap.Field, 0, len(keyvals)/2+2)
	for i := 0; i+1 < len(keyvals); i += 2 {
		key, ok := keyvals[i].(string)
		if !ok {
			key = fmt.Sprint(keyvals[i])
		}
		fields = append(fields, zap.Any(key, keyvals[i+1]))
		if key == "WorkflowID" {
			fields = append(fields, zap.Any(orderIDKey, keyvals[i+1]))
		}
	}
	if len(keyvals)%2 == 1 {
		fields = append(fields, zap.Any("unpaired", keyvals[len(keyvals)-1]))
	}
	return fields
}
