package contract

// Messages that a running placement understands.
const (
	// QueryProgress returns Progress. It needs a live worker.
	QueryProgress = "progress"
	// UpdateCancel asks for the order to be undone; it takes CancelRequest and
	// returns Progress when the cancellation is decided, not when it is done.
	// Its validator refuses with ErrorTooLate, ErrorAlreadyCancelled or
	// ErrorInvalidInput (no reason, or one of more than 500 characters).
	UpdateCancel = "cancel"
	// UpdateAwaitOutcome takes nothing and returns Progress when the order is
	// shipped or undone, before the customer is told.
	UpdateAwaitOutcome = "awaitOutcome"
)

// Types of the application errors with which UpdateCancel is refused.
const (
	ErrorTooLate          = "TooLate"
	ErrorAlreadyCancelled = "AlreadyCancelled"
	// ErrorInvalidInput also closes a workflow whose input is not its own.
	ErrorInvalidInput = "InvalidInput"
)

// CancelRequest is a customer's or an operator's wish to undo an order that
// has not shipped.
type CancelRequest struct {
	Reason string `json:"reason"`
	// RequestedBy is the subject of the token that asked.
	RequestedBy string `json:"requestedBy"`
}
