package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/catalog"
)

// auditTables are the raw rows that an auditor may see: IDs and versions.
func auditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[catalog.ProductRow]{
			Name:    "product",
			Columns: "product_id, version, updated_at",
			Key:     []audittables.KeyColumn{audittables.Text("product_id")},
			Into: func(r *catalog.ProductRow) []any {
				return []any{&r.ProductID, &r.Version, audittables.Micros(&r.UpdatedAt)}
			},
		}),
	}
}
