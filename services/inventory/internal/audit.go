package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/inventory"
)

// auditTables are the raw rows that an auditor may see.
func auditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[inventory.StockRow]{
			Name:    "stock",
			Columns: "product_id, on_hand, reserved, shipped, version",
			Key:     []audittables.KeyColumn{audittables.Text("product_id")},
			Into: func(r *inventory.StockRow) []any {
				return []any{&r.ProductID, &r.OnHand, &r.Reserved, &r.Shipped, &r.Version}
			},
		}),
		audittables.New(audittables.Source[inventory.StockChangeRow]{
			Name:    "stock_change",
			Columns: "order_id, product_id, version, kind, quantity, changed_at",
			Key: []audittables.KeyColumn{
				audittables.Text("order_id"), audittables.Text("product_id"), audittables.Integer("version"),
			},
			OfOrder: "order_id = $1",
			Into: func(r *inventory.StockChangeRow) []any {
				return []any{&r.OrderID, &r.ProductID, &r.Version, &r.Kind, &r.Quantity, audittables.Micros(&r.ChangedAt)}
			},
		}),
		audittables.New(audittables.Source[inventory.ReservationRow]{
			Name:    "reservation",
			Columns: "order_id, step, revision, product_id, quantity, state",
			Key: []audittables.KeyColumn{
				audittables.Text("order_id"), audittables.Text("step"), audittables.Integer("revision"), audittables.Text("product_id"),
			},
			OfOrder: "order_id = $1",
			Into: func(r *inventory.ReservationRow) []any {
				return []any{&r.OrderID, &r.Step, &r.Revision, &r.ProductID, &r.Quantity, &r.State}
			},
		}),
		audittables.Fence(),
	}
}
