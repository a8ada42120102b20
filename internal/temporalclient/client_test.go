package temporalclient_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/goleak"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAServerThatIsNotThereIsOneLineWithinTheDeadline(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())

	for name, addr := range map[string]string{
		"nobody listens":        gone.Addr().String(),
		"somebody never speaks": silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := temporalclient.Config{Addr: addr, Namespace: "default", DialTimeout: 200 * time.Millisecond}
			start := time.Now()
			_, err := temporalclient.Dial(t.Context(), cfg, telemetry.Discard())
			require.Error(t, err)
			assert.Less(t, time.Since(start), 5*time.Second)
			assert.True(t, strings.HasPrefix(err.Error(), "no Temporal server at "+addr+": "), err)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestALazyClientNeedsNoServer(t *testing.T) {
	lazy, err := temporalclient.DialLazy(temporalclient.Config{Addr: "127.0.0.1:1", Namespace: "default"}, telemetry.Discard())
	require.NoError(t, err)
	defer lazy.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, temporalclient.Check(ctx, lazy, "default"), `describing namespace "default": `)
}

// traces records under which trace each piece of code ran.
type traces struct {
	mu  sync.Mutex
	ids map[string]string
}

func (r *traces) seen(ctx context.Context, where string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids[where] = telemetry.TraceID(ctx)
}

func (r *traces) remote(ctx context.Context) error { r.seen(ctx, "activity"); return nil }
func (r *traces) local(ctx context.Context) error  { r.seen(ctx, "local activity"); return nil }

func twoSteps(ctx workflow.Context) error {
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	if err := workflow.ExecuteLocalActivity(local, "local").Get(ctx, nil); err != nil {
		return err
	}
	remote := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteActivity(remote, "remote").Get(ctx, nil)
}

func TestOneTraceRunsFromTheStarterThroughEveryActivity(t *testing.T) {
	addr := temporaltest.Start(t)
	cfg := temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace}

	for _, exported := range []string{telemetry.TracesOff, telemetry.TracesStdout} {
		t.Run("traces "+exported, func(t *testing.T) {
			var output lockedBuffer
			tel, err := telemetry.Start(t.Context(), "gateway", "gateway-1", "v1", telemetry.Config{
				Traces: exported, TracesRatio: 1, SpanOutput: &output, LogOutput: &output,
			})
			require.NoError(t, err)
			gateway, err := temporalclient.DialLazy(cfg, tel)
			require.NoError(t, err)
			defer gateway.Close()
			workers, err := temporalclient.Dial(t.Context(), cfg, tel)
			require.NoError(t, err)
			defer workers.Close()

			recorded := &traces{ids: map[string]string{}}
			queue := "traces-" + exported
			w := worker.New(workers, queue, worker.Options{})
			w.RegisterWorkflow(twoSteps)
			w.RegisterActivityWithOptions(recorded.remote, activity.RegisterOptions{Name: "remote"})
			w.RegisterActivityWithOptions(recorded.local, activity.RegisterOptions{Name: "local"})
			require.NoError(t, w.Start())
			stop := sync.OnceFunc(w.Stop)
			defer stop()

			ctx, span := tel.Tracer.Tracer("test").Start(t.Context(), "POST /v1/orders")
			run, err := gateway.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "order-" + exported, TaskQueue: queue}, twoSteps)
			require.NoError(t, err)
			require.NoError(t, run.Get(ctx, nil))
			span.End()

			want := span.SpanContext().TraceID().String()
			assert.Equal(t, map[string]string{"activity": want, "local activity": want}, recorded.ids)

			names := map[string]bool{}
			// A worker counts the end of a workflow after the client has heard of it.
			require.Eventually(t, func() bool {
				families, err := tel.Registry.Gather()
				for _, family := range families {
					names[family.GetName()] = true
				}
				return err == nil && names["temporal_workflow_completed_total"]
			}, time.Minute, 5*time.Millisecond)
			stop()
			assert.Contains(t, names, "temporal_request_latency_seconds")

			require.NoError(t, tel.Close(t.Context()))
			assert.Equal(t, exported != telemetry.TracesOff, strings.Contains(output.String(), "RunActivity:remote"))
		})
	}

	_, err := temporalclient.Dial(t.Context(), temporalclient.Config{Addr: addr, Namespace: "nowhere"}, telemetry.Discard())
	require.EqualError(t, err, "using the Temporal server at "+addr+`: it has no namespace "nowhere"`)
}
