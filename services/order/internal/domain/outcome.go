package domain

import (
	"slices"

	"orderflow/services/order"
)

const (
	maxSagaSteps    = 64
	maxReasonLength = 4000
	// maxResolutionLength leaves room for an intervention's actor and reason.
	maxResolutionLength = 800
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
// The characters of the reason, of the steps' errors and of the compensations'
// resolutions are free: they quote others, and a compensation must not fail over
// their wording.
func NewCancellation(reason string, saga order.Saga) (Cancellation, error) {
	var v validator
	v.text("/reason", reason, 1, maxReasonLength)
	v.saga(saga, order.SagaCompensated, order.SagaBlocked)
	if err := v.err(); err != nil {
		return Cancellation{}, err
	}
	return Cancellation{content: OrderCancelled{Reason: reason, Saga: cloned(saga)}}, nil
}

var (
	// stepStates are the states of order.SagaStep.
	stepStates = []string{"pending", "running", "waiting", "done", "failed", "compensating", "compensated", "blocked", "skipped"}
	// compensationStates are those of order.Compensation.
	compensationStates = []string{"running", "done", "blocked", "skipped"}
)

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
		if step.Compensation != nil {
			v.compensation(at+"/compensation", *step.Compensation)
		}
	}
}

func (v *validator) compensation(at string, compensation order.Compensation) {
	v.line(at+"/name", compensation.Name)
	v.text(at+"/error", compensation.Error, 0, maxReasonLength)
	v.text(at+"/resolution", compensation.Resolution, 0, maxResolutionLength)
	if !slices.Contains(compensationStates, compensation.State) {
		v.add(at+"/state", "must be one of %v", compensationStates)
	}
}

func cloned(saga order.Saga) order.Saga {
	copied := order.Saga{State: saga.State, Steps: append([]order.SagaStep{}, saga.Steps...)}
	for i, step := range copied.Steps {
		if step.Compensation != nil {
			copied.Steps[i].Compensation = new(*step.Compensation)
		}
	}
	return copied
}
