package replayed

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/services/order"
	"orderflow/test/simulation"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

const (
	seed = 1
	// orders are as many as it takes for each step to fail in each way, and
	// each of them both ways.
	orders = 2 * simulation.Turns
)

// patience is how long a test waits for what must happen.
const patience = 3 * time.Minute

func TestWithoutACacheOfWorkflowsOrdersEndAsInTheTestEnvironment(t *testing.T) {
	// It is of the process, and must come before the first worker.
	worker.SetStickyWorkflowCacheSize(0)
	connected := connect(t, temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword", "--search-attribute", contract.AttributeCustomerID+"=Keyword",
		"--search-attribute", contract.AttributeFailedStep+"=Keyword", "--search-attribute", contract.AttributeNeedsAttention+"=Bool"))
	simulated, served := newWorld(t), newWorld(t)
	simulated.Play(t)
	replays := run(t, connected, served)

	assert.Greater(t, replays, int64(2*len(served.Scenarios)), "nothing was replayed")
	judge, err := simulation.BuildJudge(t.Context(), t.TempDir())
	require.NoError(t, err)
	for _, world := range []*simulation.World{simulated, served} {
		report, err := judge.Verify(world.Services, true)
		require.NoError(t, err)
		assert.Empty(t, report.Breaches())
	}
	ends := map[string]state{}
	for i, scenario := range served.Scenarios {
		want, got := stateOf(t, simulated, i), stateOf(t, served, i)
		assert.Equal(t, want, got, "%s\nsimulated:\n%s\non the server:\n%s", scenario, simulated.Sagas[i].Trace, served.Sagas[i].Trace)
		assert.Empty(t, served.Sagas[i].Check(), "%s\n%s", scenario, served.Sagas[i].Trace)
		// The two ways through the same troubles lead to the same end.
		if other, known := ends[scenario.Label]; known {
			assert.Equal(t, other, got, scenario.Label)
		}
		ends[scenario.Label] = got
	}
}

func newWorld(t *testing.T) *simulation.World {
	world := &simulation.World{Services: simulation.Boot(t), Pace: simulation.Quick}
	for number := range orders {
		for _, fastWayOff := range []bool{false, true} {
			world.Scenarios = append(world.Scenarios, simulation.DrawByCalls(seed, number, fastWayOff))
		}
	}
	simulation.StockEnough(t, world.Services)
	return world
}

func connect(t *testing.T, addr string) client.Client {
	connected, err := client.Dial(client.Options{
		HostPort: addr, Namespace: temporaltest.Namespace,
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return connected
}

// run plays the scenarios on the server, all at once, and returns how often
// workflow code was begun.
func run(t *testing.T, connected client.Client, world *simulation.World) (begun int64) {
	network := simulation.NewNetwork(world.Services, world.Pace)
	counting := &beginnings{}
	for _, queue := range contract.Queues() {
		w := worker.New(connected, queue, worker.Options{
			DisableWorkflowWorker: queue != contract.QueueOrders,
			Interceptors:          []interceptor.WorkerInterceptor{counting},
		})
		for _, hands := range simulation.Activities(network) {
			w.RegisterActivity(hands)
		}
		if queue == contract.QueueOrders {
			w.RegisterWorkflow(workflows.PlaceOrder)
		}
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	running, ctx := errgroup.WithContext(ctx)
	for _, scenario := range world.Scenarios {
		saga := simulation.NewSaga(scenario)
		world.Sagas = append(world.Sagas, saga)
		network.Carry(saga)
		running.Go(func() error {
			started, err := connected.ExecuteWorkflow(ctx,
				client.StartWorkflowOptions{ID: scenario.Order.OrderID, TaskQueue: contract.QueueOrders}, contract.PlaceOrder, scenario.Order)
			if err != nil {
				return fmt.Errorf("starting %s: %w", scenario.Order.OrderID, err)
			}
			saga.Ended(started.Get(ctx, nil))
			return ctx.Err()
		})
	}
	require.NoError(t, running.Wait())
	network.Settle()
	return counting.number.Load()
}

// beginnings counts how often workflow code is begun: once for each replay.
type beginnings struct {
	interceptor.WorkerInterceptorBase
	number atomic.Int64
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (b *beginnings) InterceptWorkflow(ctx workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	b.number.Add(1)
	return b.WorkerInterceptorBase.InterceptWorkflow(ctx, next)
}

// state is where an order has come to, in the workflow and in the services'
// rows. Reasons may differ with the last of several failures.
type state struct {
	end      simulation.End
	status   order.Status
	steps    []string
	fences   []string
	live     [2]int
	captured int64
	refunded int64
}

func stateOf(t *testing.T, world *simulation.World, number int) state {
	t.Helper()
	saga, id := world.Sagas[number], world.Scenarios[number].Order.OrderID
	view, err := world.Services.Orders.Order(t.Context(), id)
	require.NoError(t, err, "%s", saga.Trace)
	money, err := world.Services.Payments.AtProvider(t.Context(), id)
	require.NoError(t, err)
	parcels, err := world.Services.Shipping.LiveAtCarrier(t.Context(), id)
	require.NoError(t, err)
	found := state{
		end: saga.End, status: view.Status, live: [2]int{money.Live, parcels},
		captured: money.Captured.Amount, refunded: money.Refunded.Amount,
	}
	if view.Saga != nil {
		for _, step := range view.Saga.Steps {
			text := step.Name + " " + step.State
			if step.Compensation != nil {
				text += ", " + step.Compensation.Name + " " + step.Compensation.State
			}
			found.steps = append(found.steps, text)
		}
	}
	for _, row := range world.Services.Fences(t, id) {
		found.fences = append(found.fences, fmt.Sprintf("%s %d %s", row.Step, row.Revision, row.State))
	}
	return found
}
