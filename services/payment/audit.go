package payment

import (
	"context"
	"time"

	"orderflow/internal/audit"
	"orderflow/services/money"
)

// ChargeRow is a row of the table charge: what this service knows of one
// charge. State is pending, captured, declined, refunded or void.
type ChargeRow struct {
	Key
	CustomerID string      `json:"customerId"`
	Amount     money.Money `json:"amount"`
	State      string      `json:"state"`
	Reference  string      `json:"reference,omitempty"`
	UpdatedAt  time.Time   `json:"updatedAt"`
}

// RefundRow is a row of the table refund. State is requested or settled;
// Amount is what went back, in minor units of the charge's currency.
type RefundRow struct {
	Key
	State       string    `json:"state"`
	Amount      int64     `json:"amount"`
	RequestedAt time.Time `json:"requestedAt"`
	SettledAt   time.Time `json:"settledAt,omitzero"`
}

// LedgerTransactionRow is a row of the table ledger_transaction. Kind is
// capture or refund; the ID is made of the charge's key and the kind.
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
// refunded or voided.
type ProviderChargeRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	OrderID        string      `json:"orderId,omitempty"`
	Amount         money.Money `json:"amount"`
	State          string      `json:"state"`
	Reference      string      `json:"reference,omitempty"`
	CreatedAt      time.Time   `json:"createdAt"`
}

// ProviderMovementRow is a row of the table payment_simulator_movement: money
// that moved at the built-in provider. Kind is capture or refund.
type ProviderMovementRow struct {
	IdempotencyKey string      `json:"idempotencyKey"`
	Kind           string      `json:"kind"`
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

// AuditProviderMovements returns a page of the table
// payment_simulator_movement.
func (c *Client) AuditProviderMovements(ctx context.Context, query audit.Query) (audit.Page[ProviderMovementRow], error) {
	return audit.Rows[ProviderMovementRow](ctx, c.caller, "payment_simulator_movement", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
