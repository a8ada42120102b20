package gatewaytest

import (
	"slices"

	"orderflow/starter/internal/gatewayclient"
	"orderflow/workflows/contract"
)

// Running is a saga that is at the step.
func Running(step string) *gatewayclient.Saga {
	saga := &gatewayclient.Saga{State: contract.SagaRunning}
	at := slices.Index(contract.Steps(), step)
	for i, name := range contract.Steps() {
		state := contract.StepPending
		switch {
		case i < at:
			state = contract.StepDone
		case i == at:
			state = contract.StepRunning
		}
		saga.Steps = append(saga.Steps, contract.StepProgress{Name: name, State: state})
	}
	return saga
}

// Waiting is a saga that waits at a refused step for a fix.
func Waiting(step, reason string) *gatewayclient.Saga {
	saga := Running(step)
	at := &saga.Steps[slices.Index(contract.Steps(), step)]
	at.State, at.Error = contract.StepWaiting, reason
	return saga
}

// Completed is the saga of a shipped order.
func Completed() *gatewayclient.Saga {
	saga := &gatewayclient.Saga{State: contract.SagaCompleted}
	for _, name := range contract.Steps() {
		saga.Steps = append(saga.Steps, contract.StepProgress{Name: name, State: contract.StepDone})
	}
	return saga
}

// Compensated is the saga of an order that was undone because the step failed.
func Compensated(failing, reason string) *gatewayclient.Saga {
	undo := map[string]string{
		contract.StepCreateOrder:      contract.UndoCreateOrder,
		contract.StepReserveInventory: contract.UndoReserveInventory,
		contract.StepChargePayment:    contract.UndoChargePayment,
		contract.StepConfirmOrder:     contract.UndoCreateOrder,
		contract.StepShipOrder:        contract.UndoShipOrder,
	}
	saga := &gatewayclient.Saga{State: contract.SagaCompensated}
	at := slices.Index(contract.Steps(), failing)
	for i, name := range contract.Steps() {
		step := contract.StepProgress{Name: name, State: contract.StepSkipped}
		switch {
		case i < at:
			step.State = contract.StepCompensated
		case i == at:
			step.State, step.Error = contract.StepFailed, reason
		}
		if i <= at && undo[name] != "" {
			step.Compensation = &contract.CompensationProgress{Name: undo[name], State: contract.StepDone}
		}
		saga.Steps = append(saga.Steps, step)
	}
	return saga
}
