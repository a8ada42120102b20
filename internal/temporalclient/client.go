package temporalclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	temporalotel "go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"
	"google.golang.org/grpc/status"

	"orderflow/internal/payloadcodec"
	"orderflow/internal/telemetry"
)

const scope = "orderflow/internal/temporalclient"

// DefaultDialTimeout bounds Dial when Config says nothing.
const DefaultDialTimeout = 10 * time.Second

// Config says where the Temporal server is, and how payloads are stored there.
type Config struct {
	// Addr is the server's gRPC address, host:port.
	Addr string
	// Namespace must exist on the server.
	Namespace string
	// DialTimeout bounds Dial; 0 is DefaultDialTimeout.
	DialTimeout time.Duration
	// TLS is spoken to the server; nil is plain text.
	TLS *tls.Config
	// APIKey is sent with every call; empty is none. It needs TLS.
	APIKey string
	// Codec encrypts payloads and failures; the zero Codec leaves them in the
	// clear. Every client of a namespace needs one with the same keys.
	Codec payloadcodec.Codec
}

// Dial connects to the server and asks it for its namespace, within
// Config.DialTimeout. The error is one line that says where no server, or no
// such namespace, is; the process should end with it or try again.
func Dial(ctx context.Context, cfg Config, t *telemetry.Telemetry) (client.Client, error) {
	options, err := newOptions(cfg, t)
	if err != nil {
		return nil, err
	}
	timeout := cfg.DialTimeout
	if timeout <= 0 {
		timeout = DefaultDialTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	// The SDK bounds its first call by its own default otherwise.
	options.ConnectionOptions.GetSystemInfoTimeout = timeout
	connected, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("no Temporal server at %s: %w", cfg.Addr, plainError{err})
	}
	if err := Check(ctx, connected, cfg.Namespace); err != nil {
		connected.Close()
		return nil, fmt.Errorf("using the Temporal server at %s: %w", cfg.Addr, err)
	}
	return connected, nil
}

// DialLazy returns a client that connects with its first call. It is for a
// process that must start without Temporal; calls fail until the server is
// there. The error is a wrong setting.
func DialLazy(cfg Config, t *telemetry.Telemetry) (client.Client, error) {
	options, err := newOptions(cfg, t)
	if err != nil {
		return nil, err
	}
	lazy, err := client.NewLazyClient(options)
	if err != nil {
		return nil, fmt.Errorf("preparing the client for Temporal at %s: %w", cfg.Addr, err)
	}
	return lazy, nil
}

// Check asks the server for the namespace, which proves connection,
// permission and namespace at once. It serves readiness checks.
func Check(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	var missing *serviceerror.NamespaceNotFound
	if errors.As(err, &missing) {
		return fmt.Errorf("it has no namespace %q", namespace)
	}
	if err != nil {
		return fmt.Errorf("describing namespace %q: %w", namespace, plainError{err})
	}
	return nil
}

func newOptions(cfg Config, t *telemetry.Telemetry) (client.Options, error) {
	log := t.Log
	tracing, err := temporalotel.NewTracingInterceptor(temporalotel.TracerOptions{
		Tracer:            t.Tracer.Tracer(scope),
		TextMapPropagator: t.Propagator,
		// A workflow outlives deployments: a header that an older or newer
		// process wrote must not fail it.
		AllowInvalidParentSpans: true,
		// Queries are asked while somebody watches; their spans say nothing.
		DisableQueryTracing: true,
	})
	if err != nil {
		return client.Options{}, fmt.Errorf("preparing Temporal's tracing: %w", err)
	}
	options := client.Options{
		HostPort:         cfg.Addr,
		Namespace:        cfg.Namespace,
		Logger:           NewLogger(log),
		DataConverter:    cfg.Codec.DataConverter(),
		FailureConverter: cfg.Codec.FailureConverter(),
		Interceptors:     []interceptor.ClientInterceptor{tracing},
		MetricsHandler: temporalotel.NewMetricsHandler(temporalotel.MetricsHandlerOptions{
			Meter:                t.Meter.Meter(scope),
			UseMonotonicCounters: true,
			OnError: func(err error) {
				log.Warn("a metric of the Temporal client failed", zap.Error(err))
			},
		}),
		ConnectionOptions: client.ConnectionOptions{
			TLS: cfg.TLS,
			// The SDK compresses each call unless it is told not to. Ours are
			// a few kilobytes, in which encrypted payloads do not get smaller:
			// an order on the durable way takes a tenth less CPU without.
			GrpcCompression: &client.GrpcCompressionNone{},
		},
	}
	if cfg.APIKey != "" {
		if cfg.TLS == nil {
			return client.Options{}, errors.New("an API key for Temporal without TLS would travel in the clear")
		}
		options.Credentials = client.NewAPIKeyStaticCredentials(cfg.APIKey)
	}
	return options, nil
}

// plainError shows the message of a gRPC error without the codes around it.
type plainError struct{ err error }

func (p plainError) Error() string {
	var withStatus interface{ GRPCStatus() *status.Status }
	if errors.As(p.err, &withStatus) {
		return withStatus.GRPCStatus().Message()
	}
	return p.err.Error()
}

func (p plainError) Unwrap() error { return p.err }
