// Package migrations holds the tables of the order service: the event store
// and the read model. They share one database, so that a command's events and
// its fence row commit together; nothing else joins them.
package migrations

import (
	"embed"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
)

//go:embed *.sql
var files embed.FS

// Schemas returns the schemas of the service's database, for sqlstore.Open.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{fence.Schema(), {Name: "orders", Migrations: files}}
}
