package audittables

import (
	"orderflow/internal/audit"
)

// Fence is the table of internal/fence, which is the same in every service
// with effects.
func Fence() Table {
	return New(Source[audit.FenceRow]{
		Name:    audit.FenceTable,
		Columns: "order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at",
		Key:     []KeyColumn{Text("order_id"), Text("step"), Integer("revision")},
		OfOrder: "order_id = $1",
		Into: func(r *audit.FenceRow) []any {
			return []any{
				&r.OrderID, &r.Step, &r.Revision, &r.State, &r.BodyHash, JSON(&r.Answer),
				Micros(&r.TriedAt), Micros(&r.ConfirmedAt), Micros(&r.CompensatedAt),
			}
		},
	})
}
