package verify

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"orderflow/services/money"
)

// The services, as the audit names them.
const (
	orderService        = "order"
	inventoryService    = "inventory"
	paymentService      = "payment"
	shippingService     = "shipping"
	notificationService = "notification"
)

// effectKey names one step of one order, as the services' rows do.
type effectKey struct {
	OrderID  string `json:"orderId"`
	Step     string `json:"step"`
	Revision int    `json:"revision"`
}

// word is the key in the form in which providers have it.
func (k effectKey) word() string { return fmt.Sprintf("%s/%s/%d", k.OrderID, k.Step, k.Revision) }

// orderOf is the order of a key in one word.
func orderOf(word string) string {
	orderID, _, _ := strings.Cut(word, "/")
	return orderID
}

type eventRow struct {
	Position      int64           `json:"position"`
	EventID       string          `json:"eventId"`
	AggregateType string          `json:"aggregateType"`
	AggregateID   string          `json:"aggregateId"`
	Version       int64           `json:"version"`
	EventType     string          `json:"eventType"`
	SchemaVersion int             `json:"schemaVersion"`
	Payload       json.RawMessage `json:"payload"`
	Metadata      json.RawMessage `json:"metadata"`
	OccurredAt    time.Time       `json:"occurredAt"`
}

type viewRow struct {
	OrderID    string          `json:"orderId"`
	Version    int64           `json:"version"`
	Ordinal    int64           `json:"ordinal"`
	View       json.RawMessage `json:"view"`
	Checkpoint int64           `json:"checkpoint"`
}

type summaryRow struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	CustomerName string      `json:"customerName"`
	Status       string      `json:"status"`
	ItemCount    int         `json:"itemCount"`
	TotalAmount  money.Money `json:"totalAmount"`
	CreatedAt    time.Time   `json:"createdAt"`
	Ordinal      int64       `json:"ordinal"`
	Version      int64       `json:"version"`
	Checkpoint   int64       `json:"checkpoint"`
}

// countRow counts a customer's orders by status; span and block say which of
// them, and are 0 where it is all of them.
type countRow struct {
	CustomerID string `json:"customerId"`
	Span       int64  `json:"span"`
	Block      int64  `json:"block"`
	Draft      int64  `json:"draft"`
	Confirmed  int64  `json:"confirmed"`
	Shipped    int64  `json:"shipped"`
	Cancelled  int64  `json:"cancelled"`
	Checkpoint int64  `json:"checkpoint"`
}

type fenceRow struct {
	effectKey
	State         string          `json:"state"`
	BodyHash      string          `json:"bodyHash"`
	Answer        json.RawMessage `json:"answer"`
	TriedAt       time.Time       `json:"triedAt"`
	ConfirmedAt   time.Time       `json:"confirmedAt"`
	CompensatedAt time.Time       `json:"compensatedAt"`
}

type stockRow struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Shipped   int64  `json:"shipped"`
	Version   int64  `json:"version"`
}

type stockChangeRow struct {
	OrderID   string `json:"orderId"`
	ProductID string `json:"productId"`
	Version   int64  `json:"version"`
	Kind      string `json:"kind"`
	Quantity  int64  `json:"quantity"`
}

type reservationRow struct {
	effectKey
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
	State     string `json:"state"`
}

type chargeRow struct {
	effectKey
	Amount money.Money `json:"amount"`
	State  string      `json:"state"`
}

// refundRow is a refund. Its key is that of the request, Charge the key of the
// charge in one word.
type refundRow struct {
	effectKey
	RefundID string `json:"refundId"`
	Charge   string `json:"charge"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func (r refundRow) money() money.Money { return money.New(r.Amount, r.Currency) }

type transactionRow struct {
	TransactionID string `json:"transactionId"`
	Kind          string `json:"kind"`
	OrderID       string `json:"orderId"`
}

type entryRow struct {
	TransactionID string      `json:"transactionId"`
	Account       string      `json:"account"`
	Amount        money.Money `json:"amount"`
}

type providerChargeRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	Amount         money.Money `json:"amount"`
	State          string      `json:"state"`
}

type providerRefundRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	ChargeKey      string      `json:"chargeKey"`
	Amount         money.Money `json:"amount"`
	State          string      `json:"state"`
}

// movementRow is money that moved at the provider, under the key of a charge or
// of a refund.
type movementRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	Kind           string      `json:"kind"`
	ChargeKey      string      `json:"chargeKey"`
	Amount         money.Money `json:"amount"`
}

type shipmentRow struct {
	effectKey
	State          string `json:"state"`
	TrackingNumber string `json:"trackingNumber"`
}

type consignmentRow struct {
	IdempotencyKey string `json:"idempotencyKey"`
	State          string `json:"state"`
	TrackingNumber string `json:"trackingNumber"`
}

type messageRow struct {
	effectKey
}

// orderRows are all rows of one order.
type orderRows struct {
	id string
	// checkpoint is how far the read model had come before the rows were read.
	checkpoint int64

	views     []viewRow
	summaries []summaryRow
	events    []eventRow

	changes         []stockChangeRow
	reservations    []reservationRow
	charges         []chargeRow
	refunds         []refundRow
	transactions    []transactionRow
	entries         []entryRow
	providerCharges []providerChargeRow
	providerRefunds []providerRefundRow
	movements       []movementRow
	shipments       []shipmentRow
	consignments    []consignmentRow
	messages        []messageRow

	// fences are the fence rows of each service.
	fences map[string][]fenceRow

	// standing is what the gateway says of an order that has not ended.
	standing standing
}
