package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/simulator"
)

// auditTables are the raw rows that an auditor may see: the service's own, and
// beside them those of the built-in carrier. They hold no address.
func auditTables() []audittables.Table {
	return append([]audittables.Table{
		audittables.New(audittables.Source[shipping.ShipmentRow]{
			Name:    "shipment",
			Columns: "order_id, step, revision, state, cancellation, tracking_number, carrier, updated_at",
			Key: []audittables.KeyColumn{
				audittables.Text("order_id"), audittables.Text("step"), audittables.Integer("revision"),
			},
			OfOrder: "order_id = $1",
			Into: func(r *shipping.ShipmentRow) []any {
				return []any{
					&r.OrderID, &r.Step, &r.Revision, &r.State, &r.Cancellation, &r.TrackingNumber, &r.Carrier,
					audittables.Micros(&r.UpdatedAt),
				}
			},
		}),
		audittables.Fence(),
	}, simulator.AuditTables()...)
}
