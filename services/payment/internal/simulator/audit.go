package simulator

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/payment"
)

// AuditTables are the simulator's own records, as a provider would send them
// in a settlement report. A void has no order, but its key begins with one.
func AuditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[payment.ProviderChargeRow]{
			Name:    "payment_simulator_charge",
			Columns: "idempotency_key, order_id, amount, currency, state, reference, created_at",
			Key:     []audittables.KeyColumn{audittables.Text("idempotency_key")},
			OfOrder: "order_id = $1 OR substr(idempotency_key, 1, length($1) + 1) = $1 || '/'",
			Into: func(r *payment.ProviderChargeRow) []any {
				return []any{
					&r.IdempotencyKey, &r.OrderID, &r.Amount.Amount, &r.Amount.Currency, &r.State, &r.Reference,
					audittables.Micros(&r.CreatedAt),
				}
			},
		}),
		audittables.New(audittables.Source[payment.ProviderRefundRow]{
			Name:    "payment_simulator_refund",
			Columns: "idempotency_key, charge_key, order_id, amount, currency, state, reference, created_at",
			Key:     []audittables.KeyColumn{audittables.Text("idempotency_key")},
			OfOrder: "order_id = $1",
			Into: func(r *payment.ProviderRefundRow) []any {
				return []any{
					&r.IdempotencyKey, &r.ChargeKey, &r.OrderID, &r.Amount.Amount, &r.Amount.Currency, &r.State, &r.Reference,
					audittables.Micros(&r.CreatedAt),
				}
			},
		}),
		audittables.New(audittables.Source[payment.ProviderMovementRow]{
			Name:    "payment_simulator_movement",
			Columns: "idempotency_key, kind, charge_key, order_id, amount, currency, moved_at",
			Key:     []audittables.KeyColumn{audittables.Text("idempotency_key"), audittables.Text("kind")},
			OfOrder: "order_id = $1",
			Into: func(r *payment.ProviderMovementRow) []any {
				return []any{
					&r.IdempotencyKey, &r.Kind, &r.ChargeKey, &r.OrderID, &r.Amount.Amount, &r.Amount.Currency,
					audittables.Micros(&r.MovedAt),
				}
			},
		}),
	}
}
