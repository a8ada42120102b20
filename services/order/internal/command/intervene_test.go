package command_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

func interventionRequest(number int) order.InterventionRequest {
	return order.InterventionRequest{
		Key: order.Key{OrderID: "order-1", Step: order.InterventionStep, Revision: number},
		Intervention: order.Intervention{
			Action: order.InterventionSkip, Step: "RefundPayment", Actor: "ops-jane", Reason: "the acquirer is gone",
			At: noon.Add(-time.Hour),
		},
	}
}

func (s *service) intervenes(number int) func(context.Context) (order.Acknowledgement, error) {
	return func(ctx context.Context) (order.Acknowledgement, error) {
		return s.intervene.Handle(ctx, interventionRequest(number))
	}
}

func interventionChangesNoStatus(t *testing.T, s *service) {
	s.given(s.creates)
	for i, step := range []struct {
		run    func(context.Context) (order.Acknowledgement, error)
		status order.Status
	}{
		{s.intervenes(1), order.Draft},
		{s.confirms, order.Confirmed},
		{s.intervenes(2), order.Confirmed},
		{s.ships, order.Shipped},
		{s.intervenes(3), order.Shipped},
		{s.intervenes(4), order.Shipped},
	} {
		got, err := step.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, acknowledged(step.status, int64(i)+2), got)
	}
	assert.Equal(t, []string{
		"OrderCreated", "OrderIntervened", "OrderConfirmed", "OrderIntervened", "OrderShipped", "OrderIntervened", "OrderIntervened",
	}, s.stream())
	assert.EqualValues(t, 7, s.appended.Load())
}

func interventionWaitsForTheOrder(t *testing.T, s *service) {
	_, err := s.intervenes(1)(t.Context())
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	s.given(s.cancels) // which creates it
	got, err := s.intervenes(1)(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Cancelled, 3), got)
}

func interventionReplays(t *testing.T, s *service) {
	s.given(s.creates, s.intervenes(1), s.confirms)
	again, err := s.intervenes(1)(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Draft, 2), again)
	assert.Len(t, s.stream(), 3)
}

func interventionNumberIsTaken(t *testing.T, s *service) {
	s.given(s.creates, s.intervenes(1))
	for name, change := range map[string]func(i *order.Intervention){
		"action": func(i *order.Intervention) { i.Action = order.InterventionResolve },
		"step":   func(i *order.Intervention) { i.Step = "ReleaseInventory" },
		"actor":  func(i *order.Intervention) { i.Actor = "ops-joe" },
		"reason": func(i *order.Intervention) { i.Reason = "another one" },
		"time":   func(i *order.Intervention) { i.At = noon },
	} {
		request := interventionRequest(1)
		change(&request.Intervention)
		_, err := s.intervene.Handle(t.Context(), request)
		assert.Equal(t, problem.KeyReused, problem.CodeOf(err), name)
	}
	assert.Len(t, s.stream(), 2)
}

func interventionNamesItsActor(t *testing.T, s *service) {
	s.given(s.creates, s.intervenes(1))
	recorded := s.recorded()[1]
	assert.Equal(t, eventstore.Metadata{Causation: "Intervention/1", Operator: "ops-jane"}, recorded.Metadata)
	event, err := eventcodec.New().Decode(recorded.Data)
	require.NoError(t, err)
	assert.Equal(t, domain.OrderIntervened(interventionRequest(1).Intervention), event)
}

func equalInterventionsAtOnce(t *testing.T, s *service) {
	s.given(s.creates)
	var racing errgroup.Group
	for range 20 {
		racing.Go(func() error {
			got, err := s.intervenes(1)(t.Context())
			if err == nil && got != acknowledged(order.Draft, 2) {
				return fmt.Errorf("acknowledged %+v", got)
			}
			return err
		})
	}
	require.NoError(t, racing.Wait())
	assert.Equal(t, []string{"OrderCreated", "OrderIntervened"}, s.stream())
}
