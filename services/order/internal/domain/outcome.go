package domain

import (
	"slices"

	"orderflow/services/order"
)

const (
	maxSagaSteps    = 64
	maxReasonLength = 4000
)

// Shipment says how a confirmed order left, checked. Only NewShipment makes
// one that Ship accepts.
type Shipment struct {
	content OrderShipped
}

// NewShipment checks that there is a tracking number, a carrier and the
// outcome of a completed saga. Its error is an *InvalidError.
func NewShipment(trackingNumber, carrier string, saga order.Saga) (Shipment, error) {
	var v validator
	v.line("/trackingNumber", trackingNumber)
	v.line("/carrier", carrier)
	v.saga(saga, order.SagaCompleted)
	if err := v.err(); err != nil {
		return Shipment{}, err
	}
	return Shipment{content: OrderShipped{TrackingNumber: trackingNumber, Carrier: carrier, Saga: cloned(saga)}}, nil
}

// Cancellation says why an order is not shipped, checked. Only NewCancellation
// makes one that Cancel accepts.
type Cancellation struct {
	content OrderCancelled
}

// NewCancellation checks that there is a reason of 1 to 4,000 characters and
// the outcome of a saga that was undone, or is blocked because one of its
// compensations failed. Its error is an *InvalidError.
//
// The characters of the reason and of the steps' errors are free: they quote
// the errors of others, and a compensation must not fail over their wording.
func NewCancellation(reason string, saga order.Saga) (Cancellation, error) {
	var v validator
	v.text("/reason", reason, 1, maxReasonLength)
	v.saga(saga, order.SagaCompensated, order.SagaBlocked)
	if err := v.err(); err != nil {
		return Cancellation{}, err
	}
	return Cancellation{content: OrderCancelled{Reason: reason, Saga: cloned(saga)}}, nil
}

// stepStates are the states of order.SagaStep.
var stepStates = []string{"pending", "running", "done", "failed", "compensating", "compensated", "blocked", "skipped"}

func (v *validator) saga(saga order.Saga, allowed ...order.SagaState) {
	if !slices.Contains(allowed, saga.State) {
		v.add("/saga/state", "must be one of %v", allowed)
	}
	if len(saga.Steps) > maxSagaSteps {
		v.add("/saga/steps", "must have at most %d entries", maxSagaSteps)
		return
	}
	for i, step := range saga.Steps {
		at := indexed("/saga/steps", i)
		v.line(at+"/name", step.Name)
		v.text(at+"/error", step.Error, 0, maxReasonLength)
		if !slices.Contains(stepStates, step.State) {
			v.add(at+"/state", "must be one of %v", stepStates)
		}
	}
}

func cloned(saga order.Saga) order.Saga {
	return order.Saga{State: saga.State, Steps: append([]order.SagaStep{}, saga.Steps...)}
}
