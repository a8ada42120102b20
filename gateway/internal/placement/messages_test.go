package placement_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

func TestEveryMessageIsItsUpdate(t *testing.T) {
	hold := contract.HoldRequest{Reason: "fraud check", RequestedBy: "eve"}
	fix := contract.FixRequest{PaymentMethod: "pm_card_visa", Reason: "new card", RequestedBy: "cust-ada"}
	decided := contract.OperatorRequest{Step: contract.UndoChargePayment, Reason: "paid back by hand", RequestedBy: "eve"}
	cancel := contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"}
	for update, sent := range map[string]struct {
		message placement.Message
		request any
	}{
		contract.UpdateCancel:  {placement.Cancel(cancel), cancel},
		contract.UpdateHold:    {placement.Hold(hold), hold},
		contract.UpdateRelease: {placement.Release(hold), hold},
		contract.UpdateFix:     {placement.Fix(fix), fix},
		contract.UpdateRetry:   {placement.Retry(decided), decided},
		contract.UpdateSkip:    {placement.Skip(decided), decided},
		contract.UpdateResolve: {placement.Resolve(decided), decided},
	} {
		t.Run(update, func(t *testing.T) {
			after := contract.Progress{OrderID: input("").OrderID, State: contract.SagaCompensating}
			server := &temporalServer{Answer: after}
			placements := placement.New(server, nil, short)
			require.NoError(t, placements.Start(t.Context(), input("hash")))

			progress, err := placements.Send(t.Context(), input("").OrderID, sent.message)
			require.NoError(t, err)
			assert.Equal(t, after, progress)
			require.Len(t, server.Updates(), 1)
			assert.Equal(t, update, server.Updates()[0].UpdateName)
			assert.Equal(t, []any{sent.request}, server.Updates()[0].Args)
		})
	}
}

func TestARefusalTellsWhatIsInTheWay(t *testing.T) {
	refused := func(kind string) error { return temporal.NewApplicationError("refused", kind) }
	isEnded := func(t *testing.T, err error) { assert.ErrorIs(t, err, placement.ErrEnded) }
	for name, test := range map[string]struct {
		answer error
		check  func(*testing.T, error)
	}{
		"too late":          {refused(contract.ErrorTooLate), hasProblem(problem.TooLate, "too late")},
		"already cancelled": {refused(contract.ErrorAlreadyCancelled), hasProblem(problem.Conflict, "being cancelled already")},
		"already held":      {refused(contract.ErrorAlreadyHeld), hasProblem(problem.Conflict, "on hold already")},
		"not held":          {refused(contract.ErrorNotHeld), hasProblem(problem.Conflict, "not on hold")},
		"held by operator":  {refused(contract.ErrorHeldByOperator), hasProblem(problem.Conflict, "only operators")},
		"nothing to fix":    {refused(contract.ErrorNothingToFix), hasProblem(problem.Conflict, "does not wait")},
		"not blocked":       {refused(contract.ErrorNotBlocked), hasProblem(problem.Conflict, "not blocked")},
		"not skippable":     {refused(contract.ErrorNotSkippable), hasProblem(problem.Conflict, "only be retried")},
		"invalid":           {refused(contract.ErrorInvalidInput), hasProblem(problem.Invalid, "does not accept")},
		"ended meanwhile":   {refused("AcceptedUpdateCompletedWorkflow"), isEnded},
		"ended or unknown":  {serviceerror.NewNotFound("workflow execution already completed"), isEnded},
		"a defect":          {refused("SomethingElse"), hasProblem(problem.Internal, "")},
		"lost":              {serviceerror.NewUnavailable("gone"), hasProblem(problem.Unavailable, "")},
	} {
		t.Run(name, func(t *testing.T) {
			server := &temporalServer{Update: func(context.Context, string, []any) error { return test.answer }}
			placements := placement.New(server, nil, short)
			require.NoError(t, placements.Start(t.Context(), input("hash")))
			progress, err := placements.Send(t.Context(), input("").OrderID, placement.Cancel(contract.CancelRequest{Reason: "x"}))
			test.check(t, err)
			assert.Zero(t, progress)
		})
	}
}

func TestNothingCanBeDecidedAboutAnEndedPlacement(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, short)
	require.NoError(t, placements.Start(t.Context(), input("hash")))
	server.Close(input("").OrderID, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)

	_, err := placements.Send(t.Context(), input("").OrderID, placement.Hold(contract.HoldRequest{Reason: "x"}))
	require.ErrorIs(t, err, placement.ErrEnded)
	require.NoError(t, placements.AwaitOutcome(t.Context(), input("").OrderID))
}

func hasProblem(code problem.Code, detail string) func(*testing.T, error) {
	return func(t *testing.T, err error) {
		t.Helper()
		assert.Equal(t, code, problem.CodeOf(err))
		var shown *problem.Error
		if detail != "" && assert.ErrorAs(t, err, &shown) {
			assert.Contains(t, shown.Detail, detail)
			assert.NotNil(t, errors.Unwrap(shown), "the cause is kept for the log")
		}
	}
}
