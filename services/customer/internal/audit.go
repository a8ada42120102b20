package internal

import (
	"orderflow/internal/audit/audittables"
	"orderflow/services/customer"
)

// auditTables are the raw rows that an auditor may see: IDs and versions.
func auditTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[customer.Row]{
			Name:    "customer",
			Columns: "customer_id, version, updated_at",
			Key:     []audittables.KeyColumn{audittables.Text("customer_id")},
			Into: func(r *customer.Row) []any {
				return []any{&r.CustomerID, &r.Version, audittables.Micros(&r.UpdatedAt)}
			},
		}),
	}
}
