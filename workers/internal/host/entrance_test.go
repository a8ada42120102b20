package host

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"orderflow/internal/rpc"
)

// keeping is a service that keeps its first calls, and answers those that undo.
type keeping struct {
	begun, answer chan struct{}
}

func (k keeping) Call(ctx context.Context, _, _ string, _, _ any) error {
	if rpc.PurposeOf(ctx) == rpc.Compensation {
		return nil
	}
	k.begun <- struct{}{}
	select {
	case <-k.answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is an activity that makes one call.
func call(e *entrance, local bool, purpose rpc.Purpose) error {
	var suite testsuite.WorkflowTestSuite
	environment := suite.NewTestActivityEnvironment()
	activity := func(ctx context.Context) error {
		return e.Call(rpc.WithPurpose(ctx, purpose), "POST", "/", nil, nil)
	}
	if local {
		_, err := environment.ExecuteLocalActivity(activity)
		return err
	}
	environment.RegisterActivity(activity)
	_, err := environment.ExecuteActivity(activity)
	return err
}

func TestDurableAttemptsLeaveTheirQueuesSlotsToCompensations(t *testing.T) {
	const pool = 3
	service := keeping{begun: make(chan struct{}, pool+1), answer: make(chan struct{})}
	e := newEntrance("payment", pool, 10, service)
	ended := make(chan error, pool)
	for range pool {
		go func() { ended <- call(e, false, rpc.Forward) }()
		<-service.begun
	}
	require.ErrorContains(t, call(e, false, rpc.Forward), "bulkhead", "it does not wait")
	require.NoError(t, call(e, false, rpc.Compensation))

	go func() { ended <- call(e, true, rpc.Forward) }()
	<-service.begun
	close(service.answer)
	for range pool + 1 {
		require.NoError(t, <-ended)
	}
	require.Zero(t, e.durable.Stats().Current)
	require.Zero(t, e.fast.turns.Stats().Current)
}
