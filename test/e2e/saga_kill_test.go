package e2e_test

import (
	"syscall"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/services/inventory"
	"orderflow/workflows/contract"
)

// kills are processes that die in the middle of an order.
func kills() []story {
	return []story{
		{"payment killed in the middle of a charge", func(s *shop) {
			id := s.halt("kill-payment", purchase{}, halted{"payment", contract.StepChargePayment})
			require.NoError(s.t, s.Supervisor().Kill("payment"))
			s.waitHealthy()
			s.requireShipped("kill-payment", id)
		}},
		{"workers killed in the middle of a step", killedInAStep},
		{"workers killed in the middle of a compensation", func(s *shop) {
			const name = "kill-compensating"
			id := s.halt(name, purchase{postalCode: noRoute},
				halted{"shipping", contract.StepShipOrder}, halted{"payment", contract.UndoChargePayment})
			require.NoError(s.t, s.Supervisor().Kill("workers-1"))
			s.resume("payment")
			s.waitHealthy()
			s.requireUndone(name, id, contract.StepShipOrder)
		}},
	}
}

// killedInAStep kills the workers as soon as the stock is reserved. On the fast
// way that is in the middle of a workflow task of several steps, which begins
// again from its start.
func killedInAStep(s *shop) {
	const name = "kill-in-step"
	s.stockUp(name)
	s.signal("payment", syscall.SIGSTOP)
	id := s.placeAgain(name, name, purchase{})
	s.eventually(func() bool {
		var stock inventory.Stock
		s.get("/v1/inventory/"+name, &stock)
		return stock.Reserved == 1
	}, "%s is reserved", id)
	require.NoError(s.t, s.Supervisor().Kill("workers-1"))
	s.resume("payment")
	s.waitHealthy()
	s.requireShipped(name, id)
	if s.fastWay == "on" {
		require.Contains(s.t, s.events(id), enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, "a task died with its worker")
	}
}

// events are the types of the events in the order's history.
func (s *shop) events(id string) (types []enumspb.EventType) {
	s.t.Helper()
	history := s.workflows.GetWorkflowHistory(s.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(s.t, err)
		types = append(types, event.GetEventType())
	}
	return types
}
