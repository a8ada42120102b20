package readmodel

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// history writes events as commands would and reads the rows that came of them.
type history struct {
	t      testing.TB
	db     *sqlstore.DB
	events *eventstore.Store
	codec  *eventcodec.Codec
	random *rand.Rand
	orders []string
	status map[string]order.Status
	count  int
}

func newHistory(t testing.TB, db *sqlstore.DB) *history {
	return &history{
		t: t, db: db, events: eventstore.New(db), codec: eventcodec.New(),
		random: rand.New(rand.NewPCG(1, 2)), status: make(map[string]order.Status),
	}
}

// eachHistory runs a test on each database.
func eachHistory(t *testing.T, test func(t *testing.T, h *history)) {
	t.Parallel()
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) { test(t, newHistory(t, db)) })
}

func (h *history) projector() *Projector {
	return NewProjector(h.db, h.events, h.codec, new(Watchers))
}

// happens appends n events to old and new orders, chosen at random among those
// that the aggregate allows. Some orders are decided about, also after their end.
func (h *history) happens(n int) {
	for range n {
		h.append(h.next())
	}
}

func (h *history) next() (string, domain.Event) {
	id := ""
	if len(h.orders) > 0 && h.random.IntN(3) > 0 {
		id = h.orders[h.random.IntN(len(h.orders))]
	}
	return h.nextEvent(id)
}

func (h *history) nextEvent(id string) (string, domain.Event) {
	switch status := h.status[id]; {
	case status != "" && h.random.IntN(8) == 0:
		return id, domain.OrderIntervened{Action: order.InterventionHold, Actor: "ops-jane", Reason: "a call", At: noon}
	case status == order.Draft && h.random.IntN(4) > 0:
		h.status[id] = order.Confirmed
		return id, domain.OrderConfirmed{ConfirmedAt: noon}
	case status == order.Confirmed && h.random.IntN(4) > 0:
		h.status[id] = order.Shipped
		return id, domain.OrderShipped{TrackingNumber: "T-" + id, Carrier: "Parcel", Saga: order.Saga{State: order.SagaCompleted}}
	case status == order.Draft, status == order.Confirmed:
		h.status[id] = order.Cancelled
		return id, domain.OrderCancelled{Reason: "declined", Saga: order.Saga{State: order.SagaCompensated}}
	default:
		return h.creates(fmt.Sprintf("cust-%d", h.random.IntN(5)))
	}
}

func (h *history) creates(customerID string) (string, domain.Event) {
	id := fmt.Sprintf("order-%04d", len(h.orders)+1)
	h.orders = append(h.orders, id)
	h.status[id] = order.Draft
	quantity := h.random.Int64N(9) + 1
	return id, domain.OrderCreated{
		CustomerID: customerID, CustomerName: "Name of " + customerID,
		Items:      []order.Item{{ProductID: "p", ProductName: "P", Quantity: quantity, UnitPrice: money.New(10, "USD")}},
		Total:      money.New(10*quantity, "USD"),
		AcceptedAt: noon,
	}
}

func (h *history) append(id string, event domain.Event) {
	data, err := h.codec.Encode(event)
	require.NoError(h.t, err)
	h.appendData(id, data)
}

func (h *history) appendData(id string, data eventstore.Data) {
	require.NoError(h.t, h.events.InTx(h.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return h.appendIn(ctx, tx, id, data)
	}))
}

func (h *history) appendIn(ctx context.Context, tx *sql.Tx, id string, data eventstore.Data) error {
	h.count++
	at := noon.Add(time.Duration(h.count) * time.Second)
	stream := eventstore.Stream{Type: domain.AggregateType, ID: id}
	version, err := h.events.Version(ctx, tx, stream)
	if err != nil {
		return err
	}
	_, err = h.events.Append(ctx, tx, stream, version, at, eventstore.Event{ID: fmt.Sprintf("event-%d", h.count), Data: data})
	return err
}

// happensTogether is happens in one transaction, which is quicker.
func (h *history) happensTogether(n int) {
	require.NoError(h.t, h.events.InTx(h.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for range n {
			id, event := h.next()
			data, err := h.codec.Encode(event)
			if err != nil {
				return err
			}
			if err := h.appendIn(ctx, tx, id, data); err != nil {
				return err
			}
		}
		return nil
	}))
}

// catchUp runs a projector until there is no more to do.
func (h *history) catchUp(p *Projector) {
	for more := true; more; {
		var err error
		more, err = p.RunOnce(h.t.Context())
		require.NoError(h.t, err)
	}
}

// rows returns every row of the live generation as text, table by table.
func (h *history) rows() []string {
	var all []string
	for _, query := range []string{
		`SELECT order_id, version, ordinal, view, '', '', '', '', '', '' FROM order_view`,
		`SELECT order_id, customer_id, customer_name, status, item_count, total_amount, currency, created_at, ordinal, version FROM order_summary`,
		`SELECT customer_id, draft, confirmed, shipped, cancelled, '', '', '', '', '' FROM order_count`,
		`SELECT customer_id, span, block, draft, confirmed, shipped, cancelled, '', '', '' FROM order_count_block`,
	} {
		rows, err := h.db.Reader().QueryContext(h.t.Context(), query+` WHERE generation = `+liveGeneration+` ORDER BY 1, 2, 3`)
		require.NoError(h.t, err)
		for rows.Next() {
			columns := make([]any, 10)
			for i := range columns {
				columns[i] = new(string)
			}
			require.NoError(h.t, rows.Scan(columns...))
			text := ""
			for _, column := range columns {
				text += *column.(*string) + "|"
			}
			all = append(all, text)
		}
		require.NoError(h.t, rows.Err())
		require.NoError(h.t, rows.Close())
	}
	return all
}

// replayed returns the rows that a replay from the first event makes, in a
// database of its own.
func (h *history) replayed() []string {
	fresh := newHistory(h.t, sqlstoretest.Open(h.t, sqlstoretest.SQLite(h.t), migrations.Schemas()...))
	events, err := h.events.ReadAll(h.t.Context(), h.events.Reader(), 0, 1_000_000)
	require.NoError(h.t, err)
	require.NoError(h.t, fresh.events.InTx(h.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, event := range events {
			if _, err := fresh.events.Append(ctx, tx, event.Stream, event.Version-1, event.OccurredAt, event.Event); err != nil {
				return err
			}
		}
		return nil
	}))
	// One event a transaction: no folding, the plainest way there is.
	projector := fresh.projector()
	projector.batch = 1
	fresh.catchUp(projector)
	return fresh.rows()
}
