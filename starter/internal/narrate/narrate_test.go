package narrate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/narrate"
	"orderflow/workflows/contract"
)

func told(t *testing.T, narrator narrate.Narrator, saga *gatewayclient.Saga) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, narrator.WriteSteps(&text, gatewayclient.Order{Saga: saga}))
	return "\n" + text.String()
}

func TestAnUndoneOrderIsToldWithItsFailingStepAndEveryCompensation(t *testing.T) {
	assert.Equal(t, `
  ✓ CreateOrder       order created
  ✓ ReserveInventory  stock reserved
  ✗ ChargePayment     failed: PaymentDeclined: the card was declined
  · ConfirmOrder      not reached
  · ShipOrder         not reached
  · CommitInventory   not reached
  · CompleteOrder     not reached
  · NotifyCustomer    not reached
  ↩ undone: RefundPayment     no money is kept
  ↩ undone: ReleaseInventory  no stock is held
  ↩ undone: CancelOrder       order cancelled
`, told(t, narrate.Narrator{Unicode: true}, gatewaytest.Compensated(contract.StepChargePayment, "PaymentDeclined: the card was declined")))
}

func TestACompensationOfTwoStepsIsToldOnce(t *testing.T) {
	text := told(t, narrate.Narrator{}, gatewaytest.Compensated(contract.StepShipOrder, "ShipmentRefused"))
	assert.True(t, strings.HasSuffix(text, `
  < undone: CancelShipment    no parcel is on its way
  < undone: RefundPayment     no money is kept
  < undone: ReleaseInventory  no stock is held
  < undone: CancelOrder       order cancelled
`), text)
}

func TestAShippedOrderIsToldInASCII(t *testing.T) {
	assert.Equal(t, `
  + CreateOrder       order created
  + ReserveInventory  stock reserved
  + ChargePayment     payment taken
  + ConfirmOrder      order confirmed
  + ShipOrder         parcel given to the carrier
  + CommitInventory   stock taken off the shelf
  + CompleteOrder     order completed
  + NotifyCustomer    customer told
`, told(t, narrate.Narrator{}, gatewaytest.Completed()))
}

func TestARunningOrderTellsWhatIsToCome(t *testing.T) {
	text := told(t, narrate.Narrator{}, gatewaytest.Running(contract.StepShipOrder))
	assert.Contains(t, text, "- ShipOrder         is running")
	assert.Contains(t, text, "- CommitInventory   to come")
}

func TestARefusedStepThatMayBeFixedTellsWhatItWaitsFor(t *testing.T) {
	text := told(t, narrate.Narrator{}, gatewaytest.Waiting(contract.StepChargePayment, "declined"))
	assert.Contains(t, text, "! ChargePayment     waits for a fix: declined")
	assert.Contains(t, text, "- ConfirmOrder      to come")
}

func TestABlockedCompensationTellsWhoItWaitsFor(t *testing.T) {
	saga := &gatewayclient.Saga{State: contract.SagaBlocked, Steps: []contract.StepProgress{
		{Name: contract.StepChargePayment, State: contract.StepBlocked, Compensation: &contract.CompensationProgress{
			Name: contract.UndoChargePayment, State: contract.StepBlocked, Error: "no answer in time",
		}},
		{Name: contract.StepShipOrder, State: contract.StepCompensating, Compensation: &contract.CompensationProgress{
			Name: contract.UndoShipOrder, State: contract.StepRunning,
		}},
	}}
	text := told(t, narrate.Narrator{}, saga)
	assert.Contains(t, text, "! cannot be undone yet: RefundPayment waits for an operator: no answer in time")
	assert.Contains(t, text, "< being undone: CancelShipment")
}

func TestStepsThatCouldNotBeReadAreNotMadeUp(t *testing.T) {
	assert.Equal(t, "\n  the steps are not known at the moment\n", told(t, narrate.Narrator{}, nil))
}

func TestTheOutcomeIsOnePhrase(t *testing.T) {
	tests := []struct {
		want  string
		order gatewayclient.Order
	}{
		{"shipped", gatewayclient.Order{Status: gatewayclient.StatusShipped, Saga: gatewaytest.Completed()}},
		{
			"cancelled and undone, because ChargePayment failed: declined",
			gatewayclient.Order{Status: gatewayclient.StatusCancelled, Saga: gatewaytest.Compensated(contract.StepChargePayment, "declined")},
		},
		{
			"cancelled and undone, as was asked for",
			gatewayclient.Order{Status: gatewayclient.StatusCancelled, Saga: &gatewayclient.Saga{State: contract.SagaCompensated}},
		},
		{
			"blocked, waits for an operator",
			gatewayclient.Order{Status: gatewayclient.StatusConfirmed, Saga: &gatewayclient.Saga{State: contract.SagaBlocked}},
		},
		{
			"waits for another payment method, and is undone without one",
			gatewayclient.Order{Status: gatewayclient.StatusDraft, Saga: gatewaytest.Waiting(contract.StepChargePayment, "declined")},
		},
		{
			"waits for another address, and is undone without one",
			gatewayclient.Order{Status: gatewayclient.StatusConfirmed, Saga: gatewaytest.Waiting(contract.StepShipOrder, "refused")},
		},
		{"still confirmed", gatewayclient.Order{Status: gatewayclient.StatusConfirmed, Saga: gatewaytest.Running(contract.StepShipOrder)}},
		{"still shipped", gatewayclient.Order{Status: gatewayclient.StatusShipped}},
	}
	for _, test := range tests {
		assert.Equal(t, test.want, narrate.Outcome(test.order))
	}
}
