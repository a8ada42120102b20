package placement_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/workflowclient/workflowclienttest"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/workflows/contract"
)

type temporalServer = workflowclienttest.Server[contract.PlaceOrderInput, contract.Progress]

// short keeps tests of a missing server quick.
var short = placement.Timeouts{
	Start: 20 * time.Millisecond, Find: 20 * time.Millisecond,
	Progress: 20 * time.Millisecond, Decision: 20 * time.Millisecond, List: 20 * time.Millisecond,
}

func input(hash string) contract.PlaceOrderInput {
	return contract.PlaceOrderInput{
		OrderID: contract.OrderIDForKey("cust-ada", "key"), CustomerID: "cust-ada", CustomerName: "Ada",
		Items:           []contract.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		Total:           money.New(9998, "USD"),
		PaymentMethod:   "pm_card_visa",
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 St James's Square", City: "London", Country: "GB"},
		RequestHash:     hash,
		AcceptedAt:      time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
}

func TestStartNamesTheWorkflowAfterTheOrder(t *testing.T) {
	server := &temporalServer{}
	placed := input("hash")
	require.NoError(t, placement.New(server, nil, short).Start(t.Context(), placed))

	options := server.Options(placed.OrderID)
	assert.Equal(t, contract.QueueOrders, options.TaskQueue)
	assert.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	assert.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	assert.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	assert.Zero(t, options.WorkflowExecutionTimeout)
	assert.Zero(t, options.WorkflowRunTimeout)

	state, _ := options.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState))
	assert.Equal(t, "running", state)
	customer, _ := options.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(contract.AttributeCustomerID))
	assert.Equal(t, "cust-ada", customer)
	assert.Equal(t, temporal.Priority{FairnessKey: "cust-ada"}, options.Priority)
	assert.Equal(t, placed.Summary(), options.StaticSummary)
	assert.Equal(t, placed.Details(), options.StaticDetails)
	assert.Equal(t, placed, server.Started()[placed.OrderID])
}

func TestASecondEqualStartIsTheFirstOne(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	assert.Len(t, server.Started(), 1)

	server.Close(input("").OrderID, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	assert.Len(t, server.Started(), 1)
}

func TestAnotherRequestUnderTheSameOrderIDIsRefused(t *testing.T) {
	placements := placement.New(&temporalServer{}, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))

	err := placements.Start(t.Context(), input("other"))
	assert.Equal(t, problem.KeyReused, problem.CodeOf(err))

	stranger := input("hash")
	stranger.CustomerID = "cust-bob"
	err = placements.Start(t.Context(), stranger)
	assert.Equal(t, problem.KeyReused, problem.CodeOf(err))
}

func TestFiftyStartsAtOnceMakeOneWorkflow(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, placement.Timeouts{})
	var starts sync.WaitGroup
	for range 50 {
		starts.Go(func() { assert.NoError(t, placements.Start(t.Context(), input("hash"))) })
	}
	starts.Wait()
	assert.Len(t, server.Started(), 1)
	assert.Equal(t, 50, server.StartCalls())
}

func TestALostAnswerToAStartIsAskedForAgain(t *testing.T) {
	for _, hash := range []string{"", "hash"} {
		server := &temporalServer{LoseStarts: 1}
		require.NoError(t, placement.New(server, nil, short).Start(t.Context(), input(hash)))
		assert.Equal(t, 2, server.StartCalls())
	}
}

func TestWithoutTemporalAStartIsUnavailable(t *testing.T) {
	err := placement.New(&temporalServer{Down: true}, nil, short).Start(t.Context(), input("hash"))
	var refusal *problem.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, problem.Unavailable, refusal.Code)
	assert.Positive(t, refusal.RetryAfter)
}

func TestFindTellsOwnerHashAndState(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	id := input("").OrderID
	for status, state := range map[enumspb.WorkflowExecutionStatus]contract.SagaState{
		enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:    contract.SagaRunning,
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:  contract.SagaCompleted,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     contract.SagaCompensated,
		enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   contract.SagaCompensated,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: contract.SagaBlocked,
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  contract.SagaBlocked,
	} {
		server.Close(id, status)
		found, err := placements.Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, "cust-ada", found.CustomerID)
		assert.Equal(t, "hash", found.RequestHash)
		assert.Equal(t, state, found.State, status)
	}
}

func TestInputIsWhatWasStarted(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	read, err := placements.Input(t.Context(), input("").OrderID)
	require.NoError(t, err)
	assert.Equal(t, input("hash"), read)
}

func TestAnUnknownOrderIsNotFound(t *testing.T) {
	placements := placement.New(&temporalServer{}, nil, short)
	_, err := placements.Find(t.Context(), "order-x")
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	_, err = placements.Input(t.Context(), "order-x")
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	_, err = placements.Progress(t.Context(), "order-x")
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
}

func TestNoQuestionOutlastsItsDeadline(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	id := input("").OrderID

	server.Change(func(s *temporalServer) { s.NoWorker = true })
	_, err := placements.Progress(t.Context(), id)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	_, err = placements.Send(t.Context(), id, placement.Cancel(contract.CancelRequest{Reason: "no"}))
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))

	server.Change(func(s *temporalServer) { s.Down = true })
	_, err = placements.Find(t.Context(), id)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	_, err = placements.Input(t.Context(), id)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	_, _, err = placements.Flagged(t.Context(), 0, 10)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	_, err = placements.Stopped(t.Context())
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
}

func TestAwaitOutcomeOfAPlacementThatEndsMeanwhileIsOver(t *testing.T) {
	server := &temporalServer{Update: func(context.Context, string, []any) error {
		return temporal.NewApplicationError("closed", "AcceptedUpdateCompletedWorkflow")
	}}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	require.NoError(t, placements.AwaitOutcome(t.Context(), input("").OrderID))
}

func TestAwaitOutcomeEndsWithItsContext(t *testing.T) {
	server := &temporalServer{NoWorker: true}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := placements.AwaitOutcome(ctx, input("").OrderID)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
}
