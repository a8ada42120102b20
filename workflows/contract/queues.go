package contract

// Namespace is the Temporal namespace unless a setting says otherwise.
const Namespace = "default"

// PlaceOrder is the workflow's type.
const PlaceOrder = "PlaceOrder"

// Task queues. Workflows and their fast local activities run on QueueOrders;
// each downstream service has a queue of its own, so that a sick service's
// retries take no slot from anybody else.
const (
	QueueOrders       = "orders"
	QueueInventory    = "inventory"
	QueuePayment      = "payment"
	QueueShipping     = "shipping"
	QueueNotification = "notification"
)

// Queues lists every task queue that workers poll.
func Queues() []string {
	return []string{QueueOrders, QueueInventory, QueuePayment, QueueShipping, QueueNotification}
}

// Search attributes of an order's workflow. They are for lists in the Temporal
// UI, hold no personal data and are never used as a read model: visibility
// lags behind.
const (
	AttributeOrderState     = "OrderState"
	AttributeCustomerID     = "CustomerId"
	AttributeFailedStep     = "FailedStep"
	AttributeNeedsAttention = "NeedsAttention"
)

// Values of AttributeOrderState beside the saga's states: of an order that is
// on hold, and of one that waits for a fix.
const (
	StateHeld    = "held"
	StateWaiting = "waiting"
)

// Memo keys, readable without a worker.
const (
	// MemoRequestHash identifies the body that came with an Idempotency-Key.
	MemoRequestHash = "requestHash"
	// MemoCustomerID owns the order.
	MemoCustomerID = "customerId"
)
