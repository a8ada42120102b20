package devstack_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
)

// patience is how long a test waits for processes on a slow machine.
const patience = time.Minute

func TestSystemSurvivesTheLossOfEachPartAndAStop(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Environ = append(os.Environ(), "ORDERFLOW_PAYMENT_FAULTS=error=0.1", "ORDERFLOW_DSN=sqlite:wrong")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := devstack.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.NoError(t, s.WaitHealthy(ctx))

	assert.Equal(t, `faults="error=0.1" dsn="sqlite:`+filepath.Join(s.DataDir(), "payment.db")+`"`,
		read(t, filepath.Join(s.DataDir(), "logs", "payment.log")))
	assert.Contains(t, read(t, filepath.Join(s.DataDir(), "logs", "order.log")), `faults="" `)

	for _, name := range []string{"payment", "workers-1", "gateway", "temporal", "consul"} {
		require.NoError(t, s.Supervisor().Kill(name))
		require.NoError(t, s.Supervisor().WaitReady(ctx, name))
		require.NoError(t, s.WaitHealthy(ctx), "after the loss of %s", name)
		assert.Equal(t, 1, s.Supervisor().Restarts(name))
	}

	require.NoError(t, s.Stop())
	again, err := devstack.Start(ctx, cfg)
	require.NoError(t, err, "the same data, and the same addresses")
	require.NoError(t, again.Stop())
}

func TestWorkersAreScaledFromOutside(t *testing.T) {
	cfg := fakeConfig(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := devstack.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()

	before, err := devstack.Scale(ctx, cfg.DataDir, 3)
	require.NoError(t, err)
	assert.Equal(t, 1, before)
	assert.Equal(t, 3, s.Workers())
	require.NoError(t, s.WaitHealthy(ctx))

	before, err = devstack.Scale(ctx, cfg.DataDir, 1)
	require.NoError(t, err)
	assert.Equal(t, 3, before)
	_, err = s.Supervisor().Pid("workers-3")
	require.ErrorIs(t, err, supervisor.ErrUnknown)

	for _, count := range []int{-1, 0, devstack.MaxWorkers + 1} {
		_, err = devstack.Scale(ctx, cfg.DataDir, count)
		require.EqualError(t, err, devstack.ErrWorkerCount.Error())
	}
	require.NoError(t, s.Stop())
	_, err = devstack.Scale(ctx, cfg.DataDir, 2)
	require.ErrorIs(t, err, devstack.ErrNotRunning)
}

func TestOneOfTwoInstancesIsRestartedBesideTheOther(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Instances = 2
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := devstack.Start(ctx, cfg)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.NoError(t, s.WaitHealthy(ctx))

	for _, name := range []string{"payment", "payment-2", "gateway-2"} {
		before, err := s.Supervisor().Pid(name)
		require.NoError(t, err)
		require.NoError(t, s.Supervisor().Signal(name, syscall.SIGTERM))
		require.NoError(t, s.Supervisor().Wait(ctx, name, func(now supervisor.Status) bool {
			return now.State == supervisor.Ready && now.PID != before
		}))
		require.NoError(t, s.WaitHealthy(ctx))
	}
}

func TestRunServesUntilItIsStopped(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.ReadyFile = filepath.Join(t.TempDir(), "ready")
	write(t, cfg.ReadyFile, "of an earlier run")
	var out output
	cfg.Out = &out

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- devstack.Run(ctx, context.Background(), cfg) }()
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(cfg.ReadyFile)
		return string(text) == "http://"+cfg.GatewayAddr+"\n"
	}, patience, 10*time.Millisecond, "%v", &out)

	shown := out.String()
	for _, want := range []string{
		"✓ temporal ready in", "✓ payment ready in", "✓ gateway ready in",
		"http://" + cfg.TemporalUIAddr, "http://" + cfg.ConsulAddr,
		"curl -s -X POST http://" + cfg.GatewayAddr + "/v1/orders", "ORDERFLOW_DATA_DIR='" + cfg.DataDir + "' go run ./starter token",
	} {
		assert.Contains(t, shown, want)
	}
	assert.NotContains(t, shown, "starter demo")
	for _, addr := range []string{cfg.TemporalUIAddr, cfg.ConsulAddr + "/ui/"} {
		response, err := http.Get("http://" + addr)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, http.StatusOK, response.StatusCode, addr)
	}
	http.DefaultClient.CloseIdleConnections()

	cancel()
	require.NoError(t, <-done)
	assert.NoFileExists(t, cfg.ReadyFile)
	for _, addr := range []string{cfg.GatewayAddr, cfg.TemporalAddr, cfg.TemporalUIAddr, cfg.ConsulAddr} {
		_, err := net.Dial("tcp", addr)
		require.Error(t, err, "somebody still listens at %s", addr)
	}
}

func TestDemonstrationIsShownBeforeTheReadyFileIsWritten(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Demo = true
	cfg.ReadyFile = filepath.Join(t.TempDir(), "ready")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out := &output{on: func(text string) {
		if strings.Contains(text, "starter demo") {
			assert.NoFileExists(t, cfg.ReadyFile)
		}
		if strings.Contains(text, "Ctrl-C stops everything") {
			cancel()
		}
	}}
	cfg.Out = out
	require.NoError(t, devstack.Run(ctx, context.Background(), cfg))
	assert.Contains(t, out.String(),
		"starter demo: gateway "+cfg.GatewayAddr+", Temporal UI "+cfg.TemporalUIAddr+", Consul "+cfg.ConsulAddr+", data "+cfg.DataDir)
	assert.NotContains(t, out.String(), "curl", "the starter shows it")
}

func TestAWrongSettingOfAProcessIsOneLineBeforeAnythingStarts(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Environ = append(os.Environ(), fakeWrong+"=gateway-1")
	var out output
	cfg.Out = &out
	_, err := devstack.Start(t.Context(), cfg)
	require.ErrorIs(t, err, devstack.ErrWrongSetting)
	require.EqualError(t, err, `gateway: setting --rate-limit (ORDERFLOW_RATE_LIMIT): "x" is no number`)
	assert.NotContains(t, out.String(), "ready", "nothing was started")
	assert.NotContains(t, out.String(), "setting", "and it is said once")
}

func TestProcessThatDoesNotStartEndsTheStartWithItsLastWords(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Environ = append(os.Environ(), fakeExits+"=payment-1")
	_, err := devstack.Start(t.Context(), cfg)
	require.EqualError(t, err, "payment does not start: exit status 1")
	var failed *supervisor.StartError
	require.ErrorAs(t, err, &failed)
	assert.Contains(t, failed.Tail, "the store is of a newer schema")
	listener, err := net.Listen("tcp", cfg.ConsulAddr)
	require.NoError(t, err, "nothing is left running")
	require.NoError(t, listener.Close())
}

func TestStartThatIsInterruptedLeavesNothing(t *testing.T) {
	cfg := fakeConfig(t)
	cfg.Environ = append(os.Environ(), fakeHangs+"=gateway-1")
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{on: func(text string) {
		if strings.Contains(text, "✓ workers-1 ready") {
			cancel() // the gateway will never be ready
		}
	}}
	cfg.Out = out
	require.ErrorIs(t, devstack.Run(ctx, context.Background(), cfg), devstack.ErrStoppedEarly)
	listener, err := net.Listen("tcp", cfg.TemporalAddr)
	require.NoError(t, err, "nothing is left running")
	require.NoError(t, listener.Close())
}

func TestServersThatRunAlreadyAreUsed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ours, err := devstack.Start(ctx, fakeConfig(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, ours.Stop()) }()

	cfg := fakeConfig(t)
	cfg.TemporalExternal, cfg.TemporalAddr = true, ours.TemporalAddr()
	guest, err := devstack.Start(ctx, cfg)
	require.NoError(t, err)
	_, err = guest.Supervisor().Pid("temporal")
	require.ErrorIs(t, err, supervisor.ErrUnknown)
	require.NoError(t, guest.Stop())
	require.NoError(t, ours.WaitHealthy(ctx))
}

// output is what a run prints; on is called with each piece.
type output struct {
	on func(string)

	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	if o.on != nil {
		o.on(string(text))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
