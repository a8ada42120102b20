package payment

import (
	"context"
	"time"

	"orderflow/internal/audit"
	"orderflow/services/money"
)

// ChargeRow is a row of the table charge: what this service knows of one
// charge. State is pending, captured, declined, refunded or void; refunded means
// that all of it went back. ClosedAt is when the saga's compensation came.
type ChargeRow struct {
	Key
	CustomerID string      `json:"customerId"`
	Amount     money.Money `json:"amount"`
	State      string      `json:"state"`
	Reference  string      `json:"reference,omitempty"`
	UpdatedAt  time.Time   `json:"updatedAt"`
	ClosedAt   time.Time   `json:"closedAt,omitzero"`
}

// RefundRow is a row of the table refund. The key is that of the request; Charge
// is the key of the charge that it belongs to, as one word. Kind is compensation
// or agreed, State requested, settled or failed; Amount is in minor units of
// Currency, which is the charge's.
type RefundRow struct {
	Key
	RefundID    string    `json:"refundId"`
	Charge      string    `json:"charge"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Amount      int64     `json:"amount"`
	Currency    string    `json:"currency"`
	Reference   string    `json:"reference,omitempty"`
	RequestedAt time.Time `json:"requestedAt"`
	SettledAt   time.Time `json:"settledAt,omitzero"`
	FailedAt    time.Time `json:"failedAt,omitzero"`
}

// LedgerTransactionRow is a row of the table ledger_transaction. Kind is
// capture or refund. The ID of a capture is made of the charge's key and the
// kind, that of a refund is the refund's.
type LedgerTransactionRow struct {
	TransactionID string    `json:"transactionId"`
	Kind          string    `json:"kind"`
	OrderID       string    `json:"orderId"`
	Reference     string    `json:"reference,omitempty"`
	BookedAt      time.Time `json:"bookedAt"`
}

// LedgerEntryRow is a row of the table ledger_entry. A debit is positive, a
// credit negative.
type LedgerEntryRow struct {
	TransactionID string      `json:"transactionId"`
	Account       string      `json:"account"`
	Amount        money.Money `json:"amount"`
}

// ProviderChargeRow is a row of the table payment_simulator_charge, which is
// the built-in provider's and not this service's. IdempotencyKey is the
// charge's key as one word, "order/step/revision". State is captured, declined,
// refunded (all of it) or voided.
type ProviderChargeRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	OrderID        string      `json:"orderId,omitempty"`
	Amount         money.Money `json:"amount"`
	State          string      `json:"state"`
	Reference      string      `json:"reference,omitempty"`
	CreatedAt      time.Time   `json:"createdAt"`
}

// ProviderRefundRow is a row of the table payment_simulator_refund: what the
// built-in provider answered to one refund. IdempotencyKey is the refund's ID,
// ChargeKey the charge's key as one word. State is settled or refused.
type ProviderRefundRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	ChargeKey      string      `json:"chargeKey"`
	OrderID        string      `json:"orderId"`
	Amount         money.Money `json:"amount"`
	State          string      `json:"state"`
	Reference      string      `json:"reference,omitempty"`
	CreatedAt      time.Time   `json:"createdAt"`
}

// ProviderMovementRow is a row of the table payment_simulator_movement: money
// that moved at the built-in provider. Kind is capture or refund, and
// IdempotencyKey that of the one or the other.
type ProviderMovementRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	Kind           string      `json:"kind"`
	ChargeKey      string      `json:"chargeKey"`
	OrderID        string      `json:"orderId"`
	Amount         money.Money `json:"amount"`
	MovedAt        time.Time   `json:"movedAt"`
}

// AuditCharges returns a page of the table charge.
func (c *Client) AuditCharges(ctx context.Context, query audit.Query) (audit.Page[ChargeRow], error) {
	return audit.Rows[ChargeRow](ctx, c.caller, "charge", query)
}

// AuditRefunds returns a page of the table refund.
func (c *Client) AuditRefunds(ctx context.Context, query audit.Query) (audit.Page[RefundRow], error) {
	return audit.Rows[RefundRow](ctx, c.caller, "refund", query)
}

// AuditLedgerTransactions returns a page of the table ledger_transaction.
func (c *Client) AuditLedgerTransactions(ctx context.Context, query audit.Query) (audit.Page[LedgerTransactionRow], error) {
	return audit.Rows[LedgerTransactionRow](ctx, c.caller, "ledger_transaction", query)
}

// AuditLedgerEntries returns a page of the table ledger_entry.
func (c *Client) AuditLedgerEntries(ctx context.Context, query audit.Query) (audit.Page[LedgerEntryRow], error) {
	return audit.Rows[LedgerEntryRow](ctx, c.caller, "ledger_entry", query)
}

// AuditProviderCharges returns a page of the table payment_simulator_charge.
func (c *Client) AuditProviderCharges(ctx context.Context, query audit.Query) (audit.Page[ProviderChargeRow], error) {
	return audit.Rows[ProviderChargeRow](ctx, c.caller, "payment_simulator_charge", query)
}

// AuditProviderRefunds returns a page of the table payment_simulator_refund.
func (c *Client) AuditProviderRefunds(ctx context.Context, query audit.Query) (audit.Page[ProviderRefundRow], error) {
	return audit.Rows[ProviderRefundRow](ctx, c.caller, "payment_simulator_refund", query)
}

// AuditProviderMovements returns a page of the table
// payment_simulator_movement.
func (c *Client) AuditProviderMovements(ctx context.Context, query audit.Query) (audit.Page[ProviderMovementRow], error) {
	return audit.Rows[ProviderMovementRow](ctx, c.caller, "payment_simulator_movement", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
