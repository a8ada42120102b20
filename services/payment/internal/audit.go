package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
)

// auditTables are the raw rows that an auditor may see: the service's own, and
// beside them those of the built-in provider. They hold no payment method.
func auditTables() []audittables.Table {
	return append([]audittables.Table{
		audittables.New(audittables.Source[payment.ChargeRow]{
			Name:    "charge",
			Columns: "order_id, step, revision, customer_id, amount, currency, state, reference, updated_at, closed_at",
			Key:     []audittables.KeyColumn{audittables.Text("order_id"), audittables.Text("step"), audittables.Integer("revision")},
			OfOrder: "order_id = $1",
			Into: func(r *payment.ChargeRow) []any {
				return []any{
					&r.OrderID, &r.Step, &r.Revision, &r.CustomerID, &r.Amount.Amount, &r.Amount.Currency,
					&r.State, &r.Reference, audittables.Micros(&r.UpdatedAt), audittables.Micros(&r.ClosedAt),
				}
			},
		}),
		audittables.New(audittables.Source[payment.RefundRow]{
			Name: "refund",
			Columns: `order_id, step, revision, refund_id, order_id || '/' || charge_step || '/' || CAST(charge_revision AS TEXT),
				kind, state, amount, currency, reference, requested_at, settled_at, failed_at`,
			Key:     []audittables.KeyColumn{audittables.Text("order_id"), audittables.Text("refund_id")},
			OfOrder: "order_id = $1",
			Into: func(r *payment.RefundRow) []any {
				return []any{
					&r.OrderID, &r.Step, &r.Revision, &r.RefundID, &r.Charge,
					&r.Kind, &r.State, &r.Amount, &r.Currency, &r.Reference,
					audittables.Micros(&r.RequestedAt), audittables.Micros(&r.SettledAt), audittables.Micros(&r.FailedAt),
				}
			},
		}),
		audittables.New(audittables.Source[payment.LedgerTransactionRow]{
			Name:    "ledger_transaction",
			Columns: "transaction_id, kind, order_id, reference, booked_at",
			Key:     []audittables.KeyColumn{audittables.Text("transaction_id")},
			OfOrder: "order_id = $1",
			Into: func(r *payment.LedgerTransactionRow) []any {
				return []any{&r.TransactionID, &r.Kind, &r.OrderID, &r.Reference, audittables.Micros(&r.BookedAt)}
			},
		}),
		audittables.New(audittables.Source[payment.LedgerEntryRow]{
			Name:    "ledger_entry",
			Columns: "transaction_id, account, amount, currency",
			Key:     []audittables.KeyColumn{audittables.Text("transaction_id"), audittables.Text("account")},
			OfOrder: "transaction_id IN (SELECT transaction_id FROM ledger_transaction WHERE order_id = $1)",
			Into: func(r *payment.LedgerEntryRow) []any {
				return []any{&r.TransactionID, &r.Account, &r.Amount.Amount, &r.Amount.Currency}
			},
		}),
		audittables.Fence(),
	}, simulator.AuditTables()...)
}
