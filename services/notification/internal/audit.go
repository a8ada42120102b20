package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/notification"
)

// auditTables are the raw rows that an auditor may see. They hold IDs, and
// nothing that was written to a customer.
func auditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[notification.MessageRow]{
			Name:    "message",
			Columns: "order_id, step, revision, customer_id, template, status, attempts, queued_at, due_at, delivered_at",
			Key: []audittables.KeyColumn{
				audittables.Text("order_id"), audittables.Text("step"), audittables.Integer("revision"),
			},
			OfOrder: "order_id = $1",
			Into: func(r *notification.MessageRow) []any {
				return []any{
					&r.OrderID, &r.Step, &r.Revision, &r.CustomerID, &r.Template, &r.Status, &r.Attempts,
					audittables.Micros(&r.QueuedAt), audittables.Micros(&r.DueAt), audittables.Micros(&r.DeliveredAt),
				}
			},
		}),
		audittables.New(audittables.Source[notification.DeliveryAttemptRow]{
			Name:    "delivery_attempt",
			Columns: "order_id, step, revision, attempt, outcome, started_at, ended_at",
			Key: []audittables.KeyColumn{
				audittables.Text("order_id"), audittables.Text("step"), audittables.Integer("revision"), audittables.Integer("attempt"),
			},
			OfOrder: "order_id = $1",
			Into: func(r *notification.DeliveryAttemptRow) []any {
				return []any{
					&r.OrderID, &r.Step, &r.Revision, &r.Attempt, &r.Outcome,
					audittables.Micros(&r.StartedAt), audittables.Micros(&r.EndedAt),
				}
			},
		}),
		audittables.Fence(),
	}
}
