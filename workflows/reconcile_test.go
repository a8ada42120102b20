package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

const grace = 2 * time.Minute

// rounds are those of Reconcile in Temporal's test environment, over sources
// that a test fills.
type rounds struct {
	t   *testing.T
	now time.Time
	// pages of a source; a nil page fails.
	pages map[contract.Source][]*contract.Suspects
	// verdicts about orders; without one, the order is recovered.
	verdicts map[string]error
	left     map[string]bool
	inNeed   map[string]bool
	asked    []contract.SuspectsRequest
	last     *contract.ReconcileResult
	// looking hears of each look of a recording; nil for nobody.
	looking chan struct{}
}

func newRounds(t *testing.T) *rounds {
	return &rounds{
		t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		pages: map[contract.Source][]*contract.Suspects{}, verdicts: map[string]error{}, left: map[string]bool{}, inNeed: map[string]bool{},
	}
}

func (r *rounds) find(_ context.Context, request contract.SuspectsRequest) (contract.Suspects, error) {
	r.asked = append(r.asked, request)
	number := 0
	if request.Cursor != "" {
		_, err := fmt.Sscanf(request.Cursor, "page %d", &number)
		require.NoError(r.t, err)
	}
	pages := r.pages[request.Source]
	if len(pages) == 0 {
		return contract.Suspects{}, nil
	}
	if pages[number] == nil {
		return contract.Suspects{}, errors.New("away")
	}
	page := *pages[number]
	if number+1 < len(pages) {
		page.Next = fmt.Sprintf("page %d", number+1)
	}
	return page, nil
}

func (r *rounds) recover(_ context.Context, suspect contract.Suspect) (contract.Decision, error) {
	if err := r.verdicts[suspect.OrderID]; err != nil {
		return contract.Decision{}, err
	}
	inNeed := r.inNeed[suspect.OrderID]
	return contract.Decision{Recovered: !inNeed && !r.left[suspect.OrderID], InNeed: inNeed, Reason: "so"}, nil
}

// environment is one in which Reconcile runs on what the round before it left.
func (r *rounds) environment() *testsuite.TestWorkflowEnvironment {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestWorkflowEnvironment()
	env.SetStartTime(r.now)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: contract.ReconcileID, TaskQueue: contract.QueueOrders})
	env.RegisterWorkflow(workflows.Reconcile)
	env.RegisterActivity(&activities.Reconciliation{})
	env.OnActivity(contract.FindSuspects, mock.Anything, mock.Anything).Return(r.find)
	env.OnActivity(contract.RecoverOrder, mock.Anything, mock.Anything).Return(r.recover).Maybe()
	if r.last != nil {
		env.SetLastCompletionResult(*r.last)
	}
	return env
}

// run is one round, through as many runs as it takes.
func (r *rounds) run() (result contract.ReconcileResult, runs int) {
	r.t.Helper()
	in := contract.ReconcileInput{Grace: grace}
	for runs = 1; ; runs++ {
		env := r.environment()
		env.ExecuteWorkflow(workflows.Reconcile, in)
		require.True(r.t, env.IsWorkflowCompleted())
		var again *workflow.ContinueAsNewError
		if errors.As(env.GetWorkflowError(), &again) {
			require.Equal(r.t, contract.Reconcile, again.WorkflowType.Name)
			var next contract.ReconcileInput
			require.NoError(r.t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
			in = next
			continue
		}
		require.NoError(r.t, env.GetWorkflowError())
		require.NoError(r.t, env.GetWorkflowResult(&result))
		env.AssertExpectations(r.t)
		r.last = &result
		return result, runs
	}
}

func (r *rounds) askedOf(source contract.Source) (requests []contract.SuspectsRequest) {
	for _, request := range r.asked {
		if request.Source == source {
			requests = append(requests, request)
		}
	}
	return requests
}

func reportOf(result contract.ReconcileResult, source contract.Source) contract.SourceReport {
	for _, report := range result.Sources {
		if report.Source == source {
			return report
		}
	}
	return contract.SourceReport{}
}

func suspects(looked int, ids ...string) *contract.Suspects {
	page := &contract.Suspects{Looked: looked}
	for _, id := range ids {
		page.Orders = append(page.Orders, contract.Suspect{OrderID: id})
	}
	return page
}

func TestARoundLooksEverywhereAndCounts(t *testing.T) {
	r := newRounds(t)
	r.pages[contract.SourceClosed] = []*contract.Suspects{suspects(3, "a", "b"), suspects(1, "c")}
	r.pages[contract.SourceOpenOrders] = []*contract.Suspects{suspects(5, "d")}
	r.pages[contract.SourceCharges] = []*contract.Suspects{suspects(2, "e")}
	r.left["b"], r.inNeed["e"] = true, true
	r.verdicts["c"] = errors.New("away")
	result, runs := r.run()

	require.Equal(t, 1, runs)
	require.Equal(t, r.now, result.StartedAt)
	require.Len(t, result.Sources, len(contract.Sources()))
	require.Equal(t, contract.SourceReport{
		Source: contract.SourceClosed, Looked: 4, Recovered: 1, LeftAlone: 2, Undecided: 1,
	}, reportOf(result, contract.SourceClosed), "and the next round looks at the same time again")
	require.Equal(t, contract.SourceReport{
		Source: contract.SourceOpenOrders, Looked: 5, Recovered: 1, LeftAlone: 4,
	}, reportOf(result, contract.SourceOpenOrders))
	require.Equal(t, contract.SourceReport{
		Source: contract.SourceCharges, Looked: 2, LeftAlone: 1, InNeed: 1, Named: []string{"e"}, Through: r.now.Add(-grace),
	}, reportOf(result, contract.SourceCharges))

	first := r.askedOf(contract.SourceClosed)[0]
	require.Equal(t, contract.SuspectsRequest{Source: contract.SourceClosed, Before: r.now.Add(-contract.ClosedGrace)}, first)
	for _, source := range contract.Sources()[1:] {
		require.Equal(t, contract.SuspectsRequest{Source: source, Before: r.now.Add(-grace)}, r.askedOf(source)[0])
	}
}

// What has been there for ever is looked at once; what is open, every time.
func TestARoundBeginsWhereTheOneBeforeHasEnded(t *testing.T) {
	r := newRounds(t)
	r.run()
	before := r.now
	r.now, r.asked = r.now.Add(5*time.Minute), nil
	r.run()
	for _, source := range contract.Sources() {
		request := r.askedOf(source)[0]
		switch {
		case source == contract.SourceClosed:
			require.WithinRange(t, request.Since, before.Add(-time.Hour), before.Add(-time.Second), "the visibility store lags behind")
		case source.ByTime():
			require.WithinRange(t, request.Since, before.Add(-grace-5*time.Minute), before.Add(-grace-time.Second))
		default:
			require.True(t, request.Since.IsZero(), source)
		}
	}
}

// A source that does not answer keeps the others from nothing, and nothing of
// it is missed.
func TestASourceThatDoesNotAnswerIsLeftForTheNextRound(t *testing.T) {
	r := newRounds(t)
	r.run()
	r.now, r.asked = r.now.Add(5*time.Minute), nil
	began := reportOf(*r.last, contract.SourceCharges).Through
	r.pages[contract.SourceCharges] = []*contract.Suspects{suspects(200, "a"), nil}
	result, _ := r.run()
	report := reportOf(result, contract.SourceCharges)
	require.NotEmpty(t, report.Unread)
	require.Equal(t, 1, report.Recovered)
	require.Equal(t, began, report.Through)
	require.Empty(t, reportOf(result, contract.SourceShipments).Unread)
	since := r.askedOf(contract.SourceCharges)[0].Since
	require.Equal(t, 1+3, len(r.askedOf(contract.SourceCharges)), "a page is tried three times")

	r.now, r.asked = r.now.Add(5*time.Minute), nil
	r.pages[contract.SourceCharges] = nil
	result, _ = r.run()
	require.Equal(t, since, r.askedOf(contract.SourceCharges)[0].Since)
	require.Equal(t, r.now.Add(-grace), reportOf(result, contract.SourceCharges).Through)
}

// A backlog of any size is worked off by a chain of runs that together are one
// round.
func TestALargeBacklogIsOneRoundOfSeveralRuns(t *testing.T) {
	r := newRounds(t)
	const pages = 120
	for i := range pages {
		r.pages[contract.SourceClosed] = append(r.pages[contract.SourceClosed], suspects(2, fmt.Sprintf("order-%d", i)))
	}
	r.pages[contract.SourceShipments] = []*contract.Suspects{suspects(1, "z")}
	result, runs := r.run()
	require.Equal(t, 3, runs)
	require.Len(t, r.askedOf(contract.SourceClosed), pages, "each page once")
	require.Equal(t, contract.SourceReport{
		Source: contract.SourceClosed, Looked: 2 * pages, Recovered: pages, LeftAlone: pages, Through: r.now.Add(-contract.ClosedGrace),
	}, reportOf(result, contract.SourceClosed))
	require.Equal(t, 1, reportOf(result, contract.SourceShipments).Recovered)
	require.Equal(t, r.now, result.StartedAt)
}

func TestARoundThatIsCancelledEnds(t *testing.T) {
	r := newRounds(t)
	r.pages[contract.SourceClosed] = []*contract.Suspects{nil}
	env := r.environment()
	env.RegisterDelayedCallback(env.CancelWorkflow, 500*time.Millisecond)
	env.ExecuteWorkflow(workflows.Reconcile, contract.ReconcileInput{Grace: grace})
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()), "%v", env.GetWorkflowError())
}

// undoneBy records under which keys a recovery has undone what.
type undoneBy struct{ keys []order.Key }

func (u *undoneBy) shipment(_ context.Context, request shipping.CancelRequest) error {
	u.keys = append(u.keys, request.Key)
	return nil
}

func (u *undoneBy) payment(_ context.Context, request payment.RefundRequest) error {
	u.keys = append(u.keys, request.Key)
	return nil
}

func (u *undoneBy) reservation(_ context.Context, request inventory.ReleaseRequest) error {
	u.keys = append(u.keys, request.Key)
	return nil
}

// The reconciler starts a recovery only for what a recovery undoes: of an order
// that has ended otherwise, also what the carrier has accepted.
func TestARecoveryUndoesWhatIsRecoverable(t *testing.T) {
	for name, items := range map[string][]contract.Item{"a known order": input(contract.Settings{}).Items, "nobody's order": nil} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, contract.Settings{})
			in := input(contract.Settings{})
			in.Items, in.Recovery = items, &contract.Recovery{Reason: "left behind", Undo: true}
			var undone undoneBy
			r.env.OnActivity(contract.FindShipment, mock.Anything, mock.Anything).
				Return(shipping.Shipment{OrderID: orderID, Status: shipping.Accepted}, nil)
			r.env.OnActivity(contract.UndoShipOrder, mock.Anything, mock.Anything).Return(undone.shipment)
			r.env.OnActivity(contract.UndoChargePayment, mock.Anything, mock.Anything).Return(undone.payment)
			r.env.OnActivity(contract.UndoReserveInventory, mock.Anything, mock.Anything).Return(undone.reservation)
			r.env.ExecuteWorkflow(workflows.PlaceOrder, in)

			require.Equal(t, contract.ErrorSagaFailed, typeOf(r.env.GetWorkflowError()))
			require.Zero(t, r.services.count(contract.StepCommitInventory))
			for _, step := range []string{contract.StepShipOrder, contract.StepChargePayment, contract.StepReserveInventory} {
				for revision := 1; revision <= contract.MostRevisions+1; revision++ {
					key := order.Key{OrderID: orderID, Step: step, Revision: revision}
					if contract.Recoverable(step, revision) {
						require.Contains(t, undone.keys, key)
					} else {
						require.NotContains(t, undone.keys, key)
					}
				}
			}
			require.Equal(t, items != nil, r.services.count(contract.UndoCreateOrder) == 1)
		})
	}
}

// The result of the last round was encrypted with a key that is gone.
func TestARoundWhoseLastResultCannotBeReadLooksAtEverything(t *testing.T) {
	r := newRounds(t)
	env := r.environment()
	env.SetLastCompletionResult("what nobody can read")
	env.ExecuteWorkflow(workflows.Reconcile, contract.ReconcileInput{Grace: grace})
	require.NoError(t, env.GetWorkflowError())
	require.Zero(t, r.askedOf(contract.SourceCharges)[0].Since)
}
