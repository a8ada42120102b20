package replayed

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
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
	// usualOrders are as many as fit into a minute of two cores: each step fails
	// in each way many times, on both ways.
	usualOrders = 12 * simulation.Turns
)

const (
	// arrival is the shortest time between two orders. The next one also waits
	// until the worker has got to this one, and until the services' disks are not
	// behind: on a slow machine fewer orders are under way then, and no step fails
	// because it has waited for others.
	arrival = 50 * time.Millisecond
	// mostDelivering is how many calls may be with the services when an order
	// is placed.
	mostDelivering = 3
)

// patience is how long the test waits for all orders to end.
const patience = 10 * time.Minute

// orders is how many orders are drawn: REPLAYED, if it is set. Each is played
// on both ways.
func orders(t *testing.T) int {
	text := os.Getenv("REPLAYED")
	if text == "" {
		return usualOrders
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, "reading REPLAYED")
	return number
}

func TestWithoutACacheOfWorkflowsOrdersEndAsInTheTestEnvironment(t *testing.T) {
	// It is of the process, and must come before the first worker.
	worker.SetStickyWorkflowCacheSize(0)
	connected := connect(t, temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword", "--search-attribute", contract.AttributeCustomerID+"=Keyword",
		"--search-attribute", contract.AttributeFailedStep+"=Keyword", "--search-attribute", contract.AttributeNeedsAttention+"=Bool",
		// As "make run" sets them: without them, each task waits.
		"--dynamic-config-value", "history.transferProcessorMaxPollRPS=500",
		"--dynamic-config-value", "matching.numTaskqueueReadPartitions=1", "--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"))
	cells := simulation.Matrix(simulation.Quick)
	drawn := drawWorld(t)
	simulated, served := drawWorld(t), &simulation.World{Services: drawn.Services, Pace: simulation.Quick}
	for _, cell := range cells {
		cell.Stock(t, served.Services)
		served.Scenarios = append(served.Scenarios, cell.Scenario())
	}
	served.Scenarios = append(served.Scenarios, drawn.Scenarios...)
	simulated.Play(t)
	began := time.Now()
	begun := run(t, connected, served)
	t.Logf("%d orders of the matrix and %d drawn ones (SEED=%d) took %s; workflow code was begun %d times, %.1f times for each order",
		len(cells), len(drawn.Scenarios), seed, time.Since(began).Round(time.Second), begun, float64(begun)/float64(len(served.Scenarios)))

	assert.Greater(t, begun, int64(2*len(served.Scenarios)), "nothing was replayed")
	judgeCells(t, cells, served)
	drawn.Sagas = served.Sagas[len(cells):]
	judgeEnds(t, simulated, drawn)
	judge, err := simulation.BuildJudge(t.Context(), t.TempDir())
	require.NoError(t, err)
	for _, world := range []*simulation.World{simulated, served} {
		report, err := judge.Verify(world.Services, true)
		require.NoError(t, err)
		assert.Empty(t, report.Breaches())
	}
}

// judgeCells judges the orders of the matrix as the test environment's are.
func judgeCells(t *testing.T, cells []simulation.Cell, served *simulation.World) {
	outcomes := map[bool]map[string]*order.Saga{false: {}, true: {}}
	for i, cell := range cells {
		t.Run(cell.String(), func(t *testing.T) {
			outcomes[cell.FastWayOff][cell.Step+" "+string(cell.Trouble)] = cell.Judge(t, served.Services, served.Sagas[i])
		})
	}
	assert.Equal(t, outcomes[false], outcomes[true], "both ways lead to the same end")
}

// judgeEnds compares the ends of drawn orders with those of the simulation.
func judgeEnds(t *testing.T, simulated, served *simulation.World) {
	ends := map[string]state{}
	for i, scenario := range served.Scenarios {
		want, got := stateOf(t, simulated, i), stateOf(t, served, i)
		assert.Equal(t, want, got, "%s\nsimulated:\n%s\non the server:\n%s", scenario, simulated.Sagas[i].Trace, served.Sagas[i].Trace)
		assert.Empty(t, served.Sagas[i].Check(), "%s\n%s", scenario, served.Sagas[i].Trace)
		// The two ways through the same troubles lead to the same end.
		got = got.onEitherWay()
		if other, known := ends[scenario.Label]; known {
			assert.Equal(t, other, got, scenario.Label)
		}
		ends[scenario.Label] = got
	}
}

func drawWorld(t *testing.T) *simulation.World {
	world := &simulation.World{Services: simulation.Boot(t), Pace: simulation.Quick}
	for number := range orders(t) {
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

// run plays the scenarios on the server, as many at once as it can serve, and
// returns how often workflow code was begun.
func run(t *testing.T, connected client.Client, world *simulation.World) (begun int64) {
	network := simulation.NewNetwork(world.Services, world.Pace)
	t.Cleanup(network.Settle) // after the workers, whatever came of them
	counting := &beginnings{}
	for _, queue := range contract.Queues() {
		w := worker.New(connected, queue, worker.Options{
			DisableWorkflowWorker: queue != contract.QueueOrders,
			Interceptors:          []interceptor.WorkerInterceptor{counting},
			// A replay that comes to other commands ends its order, which is seen;
			// a worker of the product waits for its repair.
			WorkflowPanicPolicy: worker.FailWorkflow,
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
	arrivals := time.NewTicker(arrival)
	defer arrivals.Stop()
	for _, scenario := range world.Scenarios {
		saga := simulation.NewSaga(scenario)
		world.Sagas = append(world.Sagas, saga)
		network.Carry(saga)
		saga.Placed(func(message simulation.Message) error { return send(ctx, connected, scenario.Order.OrderID, message) })
		running.Go(func() error {
			started, err := connected.ExecuteWorkflow(ctx,
				client.StartWorkflowOptions{ID: scenario.Order.OrderID, TaskQueue: contract.QueueOrders}, contract.PlaceOrder, scenario.Order)
			if err != nil {
				return fmt.Errorf("starting %s: %w", scenario.Order.OrderID, err)
			}
			saga.Ended(started.Get(ctx, nil))
			if ctx.Err() != nil {
				return fmt.Errorf("%s has not ended: %w\n%s", scenario.Order.OrderID, ctx.Err(), saga.Trace)
			}
			return nil
		})
		select {
		case <-saga.Calling():
		case <-ctx.Done():
		}
		for range arrivals.C {
			if network.Delivering() <= mostDelivering || ctx.Err() != nil {
				break
			}
		}
	}
	require.NoError(t, running.Wait())
	network.Settle()
	return counting.number.Load()
}

// send sends a message of the scenario and waits for the workflow's answer.
func send(ctx context.Context, connected client.Client, orderID string, message simulation.Message) error {
	handle, err := connected.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: orderID, UpdateName: message.Update, Args: []any{message.Request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
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
	end    simulation.End
	status order.Status
	steps  []string
	fences []string
	// tombstones are fence rows of what was never tried.
	tombstones []string
	live       [2]int
	captured   int64
	refunded   int64
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
		text := fmt.Sprintf("%s %d %s", row.Step, row.Revision, row.State)
		if row.TriedAt.IsZero() {
			found.tombstones = append(found.tombstones, text)
		} else {
			found.fences = append(found.fences, text)
		}
	}
	return found
}

// onEitherWay is the state without what a lost workflow task leads to: on the
// fast way, what the order has not come to is undone too.
func (s state) onEitherWay() state {
	s.tombstones = nil
	s.steps = slices.Clone(s.steps)
	for i, text := range s.steps {
		if step, _, undone := strings.Cut(text, ", "); undone && strings.HasSuffix(step, " skipped") {
			s.steps[i] = step
		}
	}
	return s
}
