package contract

// Messages that a running placement understands. Every update but
// UpdateAwaitOutcome returns Progress when it is decided, not when all that
// follows from it is done, and is refused before it leaves a trace in the
// workflow's history.
const (
	// QueryProgress returns Progress. It needs a live worker.
	QueryProgress = "progress"
	// UpdateAwaitOutcome takes nothing and returns Progress when the order is
	// shipped or undone, before the customer is told.
	UpdateAwaitOutcome = "awaitOutcome"
	// UpdateCancel asks for the order to be undone; it takes CancelRequest.
	// Refused with ErrorTooLate or ErrorAlreadyCancelled. Where the carrier has to
	// be asked first, it is accepted, and the refusal comes when that is decided.
	UpdateCancel = "cancel"
	// UpdateHold stops the order before its next step; it takes HoldRequest.
	// Refused with ErrorTooLate, ErrorAlreadyCancelled or ErrorAlreadyHeld.
	UpdateHold = "hold"
	// UpdateRelease lets a held order go on; it takes HoldRequest. Refused with
	// ErrorNotHeld, or with ErrorHeldByOperator when an operator has stopped the
	// order and somebody else asks.
	UpdateRelease = "release"
	// UpdateFix replaces what a service has refused; it takes FixRequest.
	// Refused with ErrorNothingToFix unless the order waits for just that.
	UpdateFix = "fix"
	// UpdateRetry tries a blocked step or compensation now, instead of at its
	// next time; it takes OperatorRequest. Refused with ErrorNotBlocked.
	UpdateRetry = "retry"
	// UpdateSkip gives a blocked compensation up: its effect stays. It takes
	// OperatorRequest. Refused with ErrorNotBlocked or ErrorNotSkippable.
	UpdateSkip = "skip"
	// UpdateResolve takes a blocked compensation for done, because somebody has
	// done it by hand. An attempt that is under way at that moment is not waited
	// for, but it may still succeed: put the service on hold before doing by hand
	// what must not happen twice. It takes OperatorRequest. Refused with ErrorNotBlocked or
	// ErrorNotSkippable.
	UpdateResolve = "resolve"
)

// Types of the application errors with which an update is refused.
const (
	ErrorTooLate          = "TooLate"
	ErrorAlreadyCancelled = "AlreadyCancelled"
	// ErrorUndecided: the order has turned back, and is asking how far it is.
	ErrorUndecided = "Undecided"
	// ErrorRecovering: the order is in a recovery, which nobody interrupts.
	ErrorRecovering  = "Recovering"
	ErrorAlreadyHeld = "AlreadyHeld"
	ErrorNotHeld     = "NotHeld"
	// ErrorHeldByOperator: the hold is an operator's, and only operators end it.
	ErrorHeldByOperator = "HeldByOperator"
	ErrorNothingToFix   = "NothingToFix"
	ErrorNotBlocked     = "NotBlocked"
	// ErrorNotSkippable is about steps that the end of the order depends on:
	// recording it, and what follows the point of no return.
	ErrorNotSkippable = "NotSkippable"
	// ErrorInvalidInput refuses any update without a reason of 1 to 500
	// characters or without who asks for it (1 to 200 characters, none of them
	// a control character), and a fix with a wrong value. It also closes a workflow whose
	// input is not its own.
	ErrorInvalidInput = "InvalidInput"
)

// Types of the application errors that end the forward way of an order, beside
// those that a service's answer gives.
const (
	// ErrorDeadline: Settings.Deadline has passed.
	ErrorDeadline = "Deadline"
	// ErrorRecovered: the order is undone by a Recovery.
	ErrorRecovered = "Recovered"
	// ErrorPaymentDeclined and ErrorShipmentRefused are the refusals that a fix
	// may turn; they are the codes of the services' problems.
	ErrorPaymentDeclined = "payment-declined"
	ErrorShipmentRefused = "shipment-refused"
)

// CancelRequest is a customer's or an operator's wish to undo an order that
// has not shipped.
type CancelRequest struct {
	Reason string `json:"reason"`
	// RequestedBy is the subject of the token that asked.
	RequestedBy string `json:"requestedBy"`
}

// HoldRequest stops an order before its next step, or lets it go on.
type HoldRequest struct {
	Reason string `json:"reason"`
	// RequestedBy is the subject of the token that asked.
	RequestedBy string `json:"requestedBy"`
	// Operator says that an operator asks. Of a hold that was placed with it, a
	// release without it is refused.
	Operator bool `json:"operator,omitempty"`
}

// FixRequest replaces what was refused: exactly one of PaymentMethod, for an
// order that waits at StepChargePayment, and ShippingAddress, for one that
// waits at StepShipOrder.
type FixRequest struct {
	PaymentMethod   string   `json:"paymentMethod,omitempty"`
	ShippingAddress *Address `json:"shippingAddress,omitempty"`
	Reason          string   `json:"reason"`
	// RequestedBy is the subject of the token that asked.
	RequestedBy string `json:"requestedBy"`
}

// OperatorRequest is an operator's decision about a blocked step.
type OperatorRequest struct {
	// Step is the name of a step, or of the activity that undoes it.
	Step   string `json:"step"`
	Reason string `json:"reason"`
	// RequestedBy is the subject of the token that asked.
	RequestedBy string `json:"requestedBy"`
}
