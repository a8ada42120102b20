package contract

import "time"

// Steps of the saga in their order. A step's name is also its activity type
// and the step part of its idempotency key, so that the Temporal UI, the
// order's history and the services' fences all say the same word.
const (
	StepCreateOrder      = "CreateOrder"
	StepReserveInventory = "ReserveInventory"
	StepChargePayment    = "ChargePayment"
	StepConfirmOrder     = "ConfirmOrder"
	StepShipOrder        = "ShipOrder"
	StepCommitInventory  = "CommitInventory"
	StepCompleteOrder    = "CompleteOrder"
	StepNotifyCustomer   = "NotifyCustomer"
)

// Compensations, by the activity type that runs them.
const (
	UndoCreateOrder      = "CancelOrder"
	UndoReserveInventory = "ReleaseInventory"
	UndoChargePayment    = "RefundPayment"
	UndoShipOrder        = "CancelShipment"
)

// Activities that are no steps and undo nothing.
const (
	// RecordIntervention keeps an operator's decision in the order's stream.
	RecordIntervention = "RecordIntervention"
	// FindPayment and FindShipment ask what became of StepChargePayment and
	// StepShipOrder.
	FindPayment  = "FindPayment"
	FindShipment = "FindShipment"
)

// Steps lists the saga's steps in their order.
func Steps() []string {
	return []string{
		StepCreateOrder, StepReserveInventory, StepChargePayment, StepConfirmOrder,
		StepShipOrder, StepCommitInventory, StepCompleteOrder, StepNotifyCustomer,
	}
}

// StepState is where one step stands.
type StepState string

// The states of a step.
const (
	StepPending      StepState = "pending"
	StepRunning      StepState = "running"
	StepDone         StepState = "done"
	StepFailed       StepState = "failed"
	StepCompensating StepState = "compensating"
	StepCompensated  StepState = "compensated"
	StepBlocked      StepState = "blocked"
	// StepWaiting is a step that was refused and waits for a fix.
	StepWaiting StepState = "waiting"
	// StepSkipped is a step that an undone order never came to, as far as its
	// history knows, or a compensation that an operator gave up. Such a step may
	// have a compensation all the same: a lost workflow task may have taken it.
	StepSkipped StepState = "skipped"
)

// SagaState is where the whole saga stands.
type SagaState string

// The states of a saga. Completed and Compensated are final.
const (
	SagaRunning      SagaState = "running"
	SagaCompensating SagaState = "compensating"
	SagaCompleted    SagaState = "completed"
	SagaCompensated  SagaState = "compensated"
	SagaBlocked      SagaState = "blocked"
)

// Progress answers the progress query and the outcome update.
type Progress struct {
	OrderID string         `json:"orderId"`
	State   SagaState      `json:"state"`
	Steps   []StepProgress `json:"steps"`
	// Hold is there while the order is on hold. The saga's state stays running.
	Hold *Hold `json:"hold,omitempty"`
}

// Hold says who stopped an order, why and when.
type Hold struct {
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// Operator says that an operator has placed it: only operators release it.
	Operator bool `json:"operator,omitempty"`
}

// StepProgress is one step's state. Error says why it failed, in words that a
// customer may read. Compensation is there once the step is being undone; a
// step that failed is undone too, because it may have happened.
type StepProgress struct {
	Name         string                `json:"name"`
	State        StepState             `json:"state"`
	Error        string                `json:"error,omitempty"`
	Compensation *CompensationProgress `json:"compensation,omitempty"`
}

// CompensationProgress is the undoing of one step. Name is the activity type;
// State is running, done, blocked or, given up by an operator, skipped.
type CompensationProgress struct {
	Name  string    `json:"name"`
	State StepState `json:"state"`
	Error string    `json:"error,omitempty"`
	// Resolution says who ended a blocked compensation, how and why.
	Resolution string `json:"resolution,omitempty"`
}
