package simulator

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/shipping"
)

// AuditTables are the simulator's own records, as a carrier would send them in
// a statement. A void has no order, but its key begins with one.
func AuditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[shipping.ConsignmentRow]{
			Name:    "carrier_simulator_consignment",
			Columns: "idempotency_key, order_id, state, tracking_number, created_at, updated_at",
			Key:     []audittables.KeyColumn{audittables.Text("idempotency_key")},
			OfOrder: "order_id = $1 OR substr(idempotency_key, 1, length($1) + 1) = $1 || '/'",
			Into: func(r *shipping.ConsignmentRow) []any {
				return []any{
					&r.IdempotencyKey, &r.OrderID, &r.State, &r.TrackingNumber,
					audittables.Micros(&r.CreatedAt), audittables.Micros(&r.UpdatedAt),
				}
			},
		}),
	}
}
