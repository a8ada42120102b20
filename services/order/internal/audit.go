package internal

import (
	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/services/order"
)

// routes adds the service's API, the audit of its tables and the lists of what
// stands.
func (s *Service) routes(r gin.IRouter) {
	s.handlers.AddRoutes(r)
	effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	audittables.Routes(r, s.db.Reader(), append(eventTables(), append(readModelTables(), audittables.Fence())...)...)
}

// eventTables are the raw rows of the event store.
func eventTables() []audittables.Table {
	return []audittables.Table{
		audittables.New(audittables.Source[order.EventRow]{
			Name: "event",
			Columns: "position, event_id, aggregate_type, aggregate_id, version, event_type, schema_version, " +
				"payload, metadata, occurred_at",
			Key: []audittables.KeyColumn{
				audittables.Text("aggregate_type"), audittables.Text("aggregate_id"), audittables.Integer("version"),
			},
			OfOrder: "aggregate_type = 'Order' AND aggregate_id = $1",
			Into: func(r *order.EventRow) []any {
				return []any{
					&r.Position, &r.EventID, &r.AggregateType, &r.AggregateID, &r.Version, &r.EventType, &r.SchemaVersion,
					audittables.JSON(&r.Payload), audittables.JSON(&r.Metadata), audittables.Micros(&r.OccurredAt),
				}
			},
		}),
		audittables.New(audittables.Source[order.EventHeadRow]{
			Name:    "event_head",
			Columns: "position, occurred_at",
			Key:     []audittables.KeyColumn{audittables.Integer("id")},
			Into: func(r *order.EventHeadRow) []any {
				return []any{&r.Position, audittables.Micros(&r.OccurredAt)}
			},
		}),
	}
}

// The live generation and how far it has come, as constants of a statement: a
// row and its checkpoint are of one moment.
const (
	liveGeneration = "generation = (SELECT generation FROM projection WHERE live = 1)"
	checkpoint     = "(SELECT position FROM projection WHERE live = 1)"
)

// readModelTables are the raw rows of the live generation.
func readModelTables() []audittables.Table {
	orderID := []audittables.KeyColumn{audittables.Text("order_id")}
	return []audittables.Table{
		audittables.New(audittables.Source[order.ProjectionRow]{
			Name:    "projection",
			Columns: "generation, live, position",
			Key:     []audittables.KeyColumn{audittables.Integer("generation")},
			Into: func(r *order.ProjectionRow) []any {
				return []any{&r.Generation, &r.Live, &r.Position}
			},
		}),
		audittables.New(audittables.Source[order.ViewRow]{
			Name:    "order_view",
			Where:   liveGeneration,
			Columns: "order_id, version, ordinal, view, " + checkpoint,
			Key:     orderID,
			OfOrder: "order_id = $1",
			Into: func(r *order.ViewRow) []any {
				return []any{&r.OrderID, &r.Version, &r.Ordinal, audittables.JSON(&r.View), &r.Checkpoint}
			},
		}),
		audittables.New(audittables.Source[order.SummaryRow]{
			Name:  "order_summary",
			Where: liveGeneration,
			Columns: "order_id, customer_id, customer_name, status, item_count, total_amount, currency, created_at, " +
				"ordinal, version, " + checkpoint,
			Key:     orderID,
			OfOrder: "order_id = $1",
			Into: func(r *order.SummaryRow) []any {
				return []any{
					&r.OrderID, &r.CustomerID, &r.CustomerName, &r.Status, &r.ItemCount, &r.TotalAmount.Amount,
					&r.TotalAmount.Currency, audittables.Micros(&r.CreatedAt), &r.Ordinal, &r.Version, &r.Checkpoint,
				}
			},
		}),
		audittables.New(audittables.Source[order.CountRow]{
			Name:    "order_count",
			Where:   liveGeneration,
			Columns: countColumns,
			Key:     []audittables.KeyColumn{audittables.Text("customer_id")},
			Into:    intoCount,
		}),
		audittables.New(audittables.Source[order.CountBlockRow]{
			Name:    "order_count_block",
			Where:   liveGeneration,
			Columns: "span, block, " + countColumns,
			Key: []audittables.KeyColumn{
				audittables.Text("customer_id"), audittables.Integer("span"), audittables.Integer("block"),
			},
			Into: func(r *order.CountBlockRow) []any {
				return append([]any{&r.Span, &r.Block}, intoCount(&r.CountRow)...)
			},
		}),
	}
}

const countColumns = "customer_id, draft, confirmed, shipped, cancelled, " + checkpoint

func intoCount(r *order.CountRow) []any {
	return []any{&r.CustomerID, &r.Draft, &r.Confirmed, &r.Shipped, &r.Cancelled, &r.Checkpoint}
}
