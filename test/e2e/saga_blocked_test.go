package e2e_test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"orderflow/internal/servicetoken"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/workflows/contract"
)

// refundFails is a payment method whose charges succeed, and whose refunds the
// simulated provider refuses for good.
const refundFails = "pm_card_refundFail"

// blockings are orders that can neither ship nor give the money back until
// somebody decides about them.
func blockings() []story {
	return []story{{"blocked until an operator decides", func(s *shop) {
		var blocked []blockedOrder
		for _, action := range []order.InterventionAction{order.InterventionRetry, order.InterventionSkip, order.InterventionResolve} {
			name := "blocked-" + string(action)
			blocked = append(blocked, blockedOrder{name, s.place(name, purchase{method: refundFails, postalCode: noRoute}), action})
		}
		for _, b := range blocked {
			s.awaitListed("WorkflowId = '" + b.id + "' AND NeedsAttention = true AND OrderState = 'blocked'")
			s.awaitDetails(b.id, "/v1/ops/orders/"+b.id+"/compensations/RefundPayment/{retry,skip,resolve}")
			require.Contains(s.t, s.attention(), b.id)
		}
		require.Len(s.t, s.attention(), len(blocked))
		s.verify()

		s.acceptRefunds(blocked[0].id)
		olga := "Bearer " + s.issue("olga", "ops")
		for _, b := range blocked {
			s.decide("/v1/ops/orders/"+b.id+"/compensations/RefundPayment/"+string(b.action), because(b.reason()), "Authorization", olga)
		}
		for _, b := range blocked {
			s.requireDecided(b)
		}
		s.eventually(func() bool { return len(s.attention()) == 0 }, "nobody waits for an operator")
	}}}
}

// blockedOrder is one of them, and what its operator does.
type blockedOrder struct {
	name, id string
	action   order.InterventionAction
}

func (b blockedOrder) reason() string { return "as the bank said: " + string(b.action) }

// requireDecided waits for the end of a blocked order, and looks for the
// decision everywhere.
func (s *shop) requireDecided(b blockedOrder) {
	s.t.Helper()
	found := s.awaitEnd(b.name, b.id)
	require.Equal(s.t, order.Cancelled, found.Status)
	require.Equal(s.t, []decision{{b.action, contract.StepChargePayment, "olga", b.reason()}}, found.Decisions)

	charge := chargeOf(found.Saga)
	require.Contains(s.t, charge.Compensation.Error, "refuses")
	state, undone, resolution := contract.StepCompensated, contract.StepDone, ""
	switch b.action {
	case order.InterventionRetry:
		require.Zero(s.t, found.Kept)
	case order.InterventionSkip:
		require.Positive(s.t, found.Kept)
		state, undone, resolution = contract.StepDone, contract.StepSkipped, "skipped by olga: "+b.reason()
	default:
		require.Positive(s.t, found.Kept)
		resolution = "resolved by olga: " + b.reason()
	}
	require.Equal(s.t, string(state), charge.State)
	require.Equal(s.t, string(undone), charge.Compensation.State)
	require.Equal(s.t, resolution, charge.Compensation.Resolution)
	s.awaitDetails(b.id, resolution)
	s.awaitDetails(b.id, string(b.action)+" ChargePayment by olga: "+b.reason())
}

// chargeOf is the step that took the money.
func chargeOf(saga order.Saga) order.SagaStep {
	at := slices.IndexFunc(saga.Steps, func(step order.SagaStep) bool { return step.Name == contract.StepChargePayment })
	return saga.Steps[at]
}

// requireSettledByHand requires that the verification has named every order
// whose operator has decided that the money stays.
func (s *shop) requireSettledByHand(verification string) {
	s.t.Helper()
	named := 0
	for _, found := range s.ends {
		if settledByHand(found.Saga) {
			named++
		}
	}
	require.Equal(s.t, named, strings.Count(verification, "settled by an operator: "), "%s", verification)
}

// attention are the orders that wait for an operator.
func (s *shop) attention() (ids []string) {
	s.t.Helper()
	var page struct{ Items []struct{ OrderID string } }
	s.get("/v1/ops/attention", &page)
	for _, item := range page.Items {
		ids = append(ids, item.OrderID)
	}
	return ids
}

// acceptRefunds makes the simulated provider take refunds of an order.
func (s *shop) acceptRefunds(id string) {
	s.t.Helper()
	url := "http://" + s.instances("payment")[0]
	refused, err := s.callService(s.t.Context(), url, http.MethodGet, "/v1/charges/"+id, nil)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusUnauthorized, refused.status, "the gateway's tokens, even an operator's, open no service")

	key, _, err := servicetoken.OpenKeys(s.ServiceKeysDir())
	require.NoError(s.t, err)
	bearer, err := servicetoken.NewSigner(key, "e2e", nil).Token(s.t.Context(), "payment")
	require.NoError(s.t, err)
	switched, err := s.callService(s.t.Context(), url, http.MethodPut, "/v1/simulator/refunds/"+id,
		payment.RefundSwitch{Refunds: payment.AcceptRefunds}, "Authorization", "Bearer "+bearer)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusNoContent, switched.status, "%s", switched.body)
}
