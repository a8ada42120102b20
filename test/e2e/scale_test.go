package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

// scaleConcurrency is how many orders of the import are in flight at once: more
// than the workers have places for at payment.
const scaleConcurrency = "24"

// TestWorkersComeAndGoDuringAnImport goes from one worker to three and back,
// by make scale, while orders are imported. Few places at a slow payment make
// what one worker can do a matter of its settings, and not of the machine.
// ORDERS is how many orders each phase is measured over.
func TestWorkersComeAndGoDuringAnImport(t *testing.T) {
	orders := fromEnvironment(t, "ORDERS", 100)
	s := startScalable(t)
	d := generate(t, seed+22, 5*orders)
	run := s.beginImport(d.products, d.customersFile, d.orders, "--concurrency", scaleConcurrency)
	s.awaitFinished(run, d, 1)

	var phases []phase
	for _, workers := range []int{1, 3, 1} {
		if len(phases) > 0 {
			t.Log(s.scale(workers))
		}
		phases = append(phases, s.measure(run, d, orders, workers))
	}
	summary := s.await(run)

	for _, p := range phases {
		t.Log(p)
	}
	require.Greater(t, phases[1].perSecond, phases[0].perSecond, "three workers do more than one")
	require.Zero(t, summary.Orders.Unanswered)
	require.Equal(t, len(d.references), summary.Orders.Total)
	require.Empty(t, summary.Mismatches)
	s.verify("--at-rest", "--orders", d.orders)
	s.requireMetricsTable()
}

// scalable is a system whose workers come and go, and a client of its Temporal
// server.
type scalable struct {
	*system
	temporal client.Client
}

func startScalable(t *testing.T) *scalable {
	t.Helper()
	s := &scalable{system: start(t, settings(t,
		"ORDERFLOW_PAYMENT_FAULTS=latency=200ms", "ORDERFLOW_PAYMENT_MAX_CONCURRENT=3", "ORDERFLOW_PAYMENT_MAX_QUEUE=6"))}
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: s.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	s.temporal = connected
	return s
}

// phase is what a number of workers did.
type phase struct {
	workers   int
	perSecond float64 // orders that came to their end
	// registered is how many queues the workers say in Consul that they poll,
	// one that two of them poll being two; polling is how many workers have
	// asked Temporal for tasks of orders within the phase.
	registered, polling int
}

// String shows the phase in one line.
func (p phase) String() string {
	return fmt.Sprintf("workers %d: %.1f orders/s; queues polled by Consul %d; workers polling for orders by Temporal %d",
		p.workers, p.perSecond, p.registered, p.polling)
}

// scale is what a person does. It returns what is said.
func (s *scalable) scale(workers int) string {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "make", "--silent", "scale", fmt.Sprintf("WORKERS=%d", workers))
	command.Dir = filepath.Join("..", "..")
	command.Env = append(os.Environ(), "ORDERFLOW_DATA_DIR="+s.DataDir())
	out, err := command.CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	return strings.TrimSpace(string(out))
}

// measure waits until so many more orders have come to their end, and checks
// who has worked on them.
func (s *scalable) measure(run *importing, d dataset, orders, workers int) phase {
	s.t.Helper()
	began, before := time.Now(), s.finished(d)
	s.awaitFinished(run, d, before+orders)
	p := phase{workers: workers, perSecond: float64(s.finished(d)-before) / time.Since(began).Seconds()}
	require.Equal(s.t, workers, s.Workers())
	p.registered, p.polling = s.registeredQueues(), s.pollingSince(began)
	require.Equal(s.t, workers*len(contract.Queues()), p.registered)
	require.Equal(s.t, workers, p.polling)
	return p
}

func (s *scalable) awaitFinished(run *importing, d dataset, orders int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.finished(d) >= orders }, patience, 100*time.Millisecond, "%d orders end", orders)
	select {
	case <-run.done:
		require.Fail(s.t, "the import ended before the measurement", "%s%s", run.stdout.String(), run.stderr.String())
	default:
	}
}

// registeredQueues counts the queues in the metadata of the workers in Consul.
func (s *scalable) registeredQueues() int {
	s.t.Helper()
	var healthy []struct {
		Service struct{ Meta map[string]string }
	}
	fetch(s.t, "http://"+s.ConsulAddr()+"/v1/health/service/workers?passing=true", &healthy)
	count := 0
	for _, worker := range healthy {
		count += len(strings.Split(worker.Service.Meta["queues"], ","))
	}
	return count
}

// pollingSince counts the workers that have polled for workflow tasks since
// then. Temporal remembers those that have gone for some minutes.
func (s *scalable) pollingSince(began time.Time) int {
	s.t.Helper()
	described, err := s.temporal.DescribeTaskQueue(s.t.Context(), contract.QueueOrders, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	require.NoError(s.t, err)
	polling := map[string]bool{}
	for _, poller := range described.GetPollers() {
		if poller.GetLastAccessTime().AsTime().After(began) {
			polling[poller.GetIdentity()] = true
		}
	}
	return len(polling)
}
