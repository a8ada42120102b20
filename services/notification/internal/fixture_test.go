package internal_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/notification"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mailbox is a sink in memory. deliver decides about each message; nil takes
// them all.
type mailbox struct {
	mu      sync.Mutex
	deliver func(sink.Message) error
	got     []string
}

func (b *mailbox) Deliver(_ context.Context, messages []sink.Message) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	results := make([]error, len(messages))
	for i, message := range messages {
		if b.deliver != nil {
			results[i] = b.deliver(message)
		}
		if results[i] == nil {
			b.got = append(b.got, message.ID)
		}
	}
	return results
}

// clock is the time of a test.
type clock struct{ time time.Time }

func (c *clock) now() time.Time          { return c.time }
func (c *clock) advance(d time.Duration) { c.time = c.time.Add(d) }

// outbox is the service's parts over one database.
type outbox struct {
	*internal.Service
	*internal.Deliverer

	db      *sqlstore.DB
	mailbox *mailbox
	clock   *clock
	woken   *int
	logs    *observer.ObservedLogs
}

func each(t *testing.T, test func(t *testing.T, o outbox)) {
	sqlstoretest.Each(t, internal.Schemas(), func(t *testing.T, db *sqlstore.DB) { test(t, newOutbox(db)) })
}

func newOutbox(db *sqlstore.DB) outbox {
	o := outbox{db: db, mailbox: &mailbox{}, clock: &clock{time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)}, woken: new(int)}
	core, logs := observer.New(zap.DebugLevel)
	o.logs = logs
	o.Service = internal.NewService(db, o.clock.now, func() { *o.woken++ })
	o.Deliverer = internal.NewDeliverer(db, o.mailbox, o.clock.now, zap.New(core))
	return o
}

// over returns another deliverer of the same outbox.
func (o outbox) over(other internal.Sink) *internal.Deliverer {
	return internal.NewDeliverer(o.db, other, o.clock.now, zap.NewNop())
}

func shipped(orderID string) notification.NotifyRequest {
	return notification.NotifyRequest{
		Key:        notification.Key{OrderID: orderID, Step: "NotifyCustomer", Revision: 1},
		CustomerID: "cust-ada", Template: notification.OrderShipped, TrackingNumber: "SP1",
	}
}

func (o outbox) notify(t *testing.T, orderIDs ...string) {
	t.Helper()
	for _, orderID := range orderIDs {
		require.NoError(t, o.Notify(t.Context(), shipped(orderID)))
	}
}

func (o outbox) runOnce(t *testing.T) (more bool) {
	t.Helper()
	more, err := o.RunOnce(t.Context())
	require.NoError(t, err)
	return more
}

func (o outbox) requireOne(t *testing.T, orderID string, status notification.Status, attempts int) {
	t.Helper()
	found, err := o.Notifications(t.Context(), orderID)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, status, found[0].Status)
	require.Equal(t, attempts, found[0].Attempts)
}

// outcomes lists how an order's attempts ended, in their order.
func (o outbox) outcomes(t *testing.T, orderID string) []string {
	t.Helper()
	rows, err := o.db.Reader().QueryContext(t.Context(), `
		SELECT outcome || ' ' || error FROM delivery_attempt WHERE order_id = $1 ORDER BY attempt`, orderID)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		found = append(found, text)
	}
	require.NoError(t, rows.Err())
	return found
}
