package query_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/command"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
	"orderflow/services/order/internal/query"
	"orderflow/services/order/internal/readmodel"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// service is the write side and the read side over one database. The projector
// runs only when a test says so.
type service struct {
	t         *testing.T
	orders    *query.Orders
	history   *query.History
	customers *query.CustomerOrders
	projector *readmodel.Projector
	wakes     atomic.Int64
	onWake    func()
	views     *readmodel.Views
	db        *sqlstore.DB

	create  *command.CreateOrder
	confirm *command.ConfirmOrder
	cancel  *command.CancelOrder
	minutes atomic.Int64
}

func eachService(t *testing.T, test func(t *testing.T, s *service)) {
	t.Parallel()
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) { test(t, newService(t, db)) })
}

func newService(t *testing.T, db *sqlstore.DB) *service {
	s := &service{t: t, db: db, onWake: func() {}}
	events, codec, views, watchers := eventstore.New(db), eventcodec.New(), readmodel.NewViews(db), new(readmodel.Watchers)
	s.projector = readmodel.NewProjector(db, events, codec, watchers)
	s.views = views
	projected := query.Projection{Views: views, Watchers: watchers, Wake: s.wake}
	s.orders = query.NewOrders(events, codec, projected)
	s.history = query.NewHistory(events)
	s.customers = query.NewCustomerOrders(projected)
	var count atomic.Int64
	cfg := command.Config{
		Store: events, Codec: codec,
		// Every command happens a minute after the one before it.
		Now:        func() time.Time { return noon.Add(time.Duration(s.minutes.Add(1)) * time.Minute) },
		NewEventID: func() string { return fmt.Sprintf("event-%d", count.Add(1)) },
		Appended:   func() {},
		Log:        zap.NewNop(),
	}
	s.create, s.confirm, s.cancel = command.NewCreateOrder(cfg), command.NewConfirmOrder(cfg), command.NewCancelOrder(cfg)
	return s
}

func (s *service) wake() {
	s.wakes.Add(1)
	s.onWake()
}

func key(step string) order.Key { return order.Key{OrderID: "order-1", Step: step, Revision: 1} }

func placement() order.Placement {
	return order.Placement{
		OrderID: "order-1", CustomerID: "cust-ada", CustomerName: "Ada", RequestHash: "sha256:00ff",
		Items:      []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		Total:      money.New(9998, "USD"),
		AcceptedAt: noon,
	}
}

func (s *service) created() {
	_, err := s.create.Handle(s.t.Context(), order.CreateRequest{Key: key("create-order"), Placement: placement()})
	require.NoError(s.t, err)
}

func (s *service) confirmed() {
	_, err := s.confirm.Handle(s.t.Context(), order.ConfirmRequest{Key: key("confirm-order")})
	require.NoError(s.t, err)
}

func (s *service) cancelled() {
	_, err := s.cancel.Handle(s.t.Context(), order.CancelRequest{
		Key: key("create-order"), Reason: "declined", Placement: placement(), Saga: compensated(),
	})
	require.NoError(s.t, err)
}

func compensated() order.Saga {
	return order.Saga{State: order.SagaCompensated, Steps: []order.SagaStep{{Name: "charge-payment", State: "failed", Error: "declined"}}}
}

func (s *service) projected() {
	_, err := s.projector.RunOnce(s.t.Context())
	require.NoError(s.t, err)
}

func cancelledView() order.View {
	saga := compensated()
	return order.View{
		OrderID: "order-1", CustomerID: "cust-ada", CustomerName: "Ada", RequestHash: "sha256:00ff",
		Items: placement().Items, TotalAmount: placement().Total,
		Status: order.Cancelled, CreatedAt: noon.Add(time.Minute), UpdatedAt: noon.Add(2 * time.Minute), Version: 2,
		Reason: "declined", Saga: &saga,
	}
}

func TestAnOrderIsShownFromTheReadModel(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.cancelled()
		s.projected()
		view, err := s.orders.Order(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, cancelledView(), view)
		assert.Zero(t, s.wakes.Load(), "the projector was not behind")
	})
}

func TestAnAcknowledgedCommandIsShownThoughTheProjectorStandsStill(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		view, err := s.orders.Order(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, order.Draft, view.Status)
		assert.EqualValues(t, 1, s.wakes.Load())

		s.projected()
		s.cancelled()
		view, err = s.orders.Order(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, cancelledView(), view)
	})
}

func TestAnUnknownOrderIsNotFound(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		_, err := s.orders.Order(t.Context(), "order-1")
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
		_, err = s.orders.OrderAsOf(t.Context(), "order-1", noon)
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
		_, err = s.history.Events(t.Context(), "order-1")
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	})
}

func TestAnOrderIsShownAsItWasAroundEachEvent(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.confirmed()
		s.cancelled()
		for _, moment := range []struct {
			at   time.Time
			want order.Status
		}{
			{noon.Add(time.Minute - time.Microsecond), ""},
			{noon.Add(time.Minute), order.Draft},
			{noon.Add(2*time.Minute - time.Microsecond), order.Draft},
			{noon.Add(2 * time.Minute), order.Confirmed},
			{noon.Add(3*time.Minute - time.Microsecond), order.Confirmed},
			{noon.Add(3 * time.Minute), order.Cancelled},
			{noon.Add(time.Hour), order.Cancelled},
		} {
			view, err := s.orders.OrderAsOf(t.Context(), "order-1", moment.at)
			if moment.want == "" {
				assert.Equal(t, problem.NotFound, problem.CodeOf(err))
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, moment.want, view.Status, "at %s", moment.at)
			assert.Equal(t, moment.want == order.Cancelled, view.Saga != nil)
		}
	})
}

func TestHistoryIsTheStreamAsItWasRecorded(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.confirmed()
		events, err := s.history.Events(t.Context(), "order-1")
		require.NoError(t, err)
		require.Len(t, events, 2)
		confirmed := events[1]
		assert.JSONEq(t, `{"confirmedAt":"2026-03-01T12:02:00Z"}`, string(confirmed.Payload))
		confirmed.Payload = nil
		assert.Equal(t, order.Event{
			EventID: "event-2", AggregateID: "order-1", AggregateType: "Order", EventType: "OrderConfirmed",
			SchemaVersion: 1, Version: 2, Timestamp: noon.Add(2 * time.Minute),
		}, confirmed)
	})
}

func TestWaitingEndsAtOnceWhenTheOrderIsNewer(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.projected()
		view, err := s.orders.OrderAfter(t.Context(), "order-1", 0, time.Hour, nil)
		require.NoError(t, err)
		assert.EqualValues(t, 1, view.Version)
	})
}

// The readers' pool has eight connections on SQLite: if waiting held one, forty
// that wait would leave none for anybody.
func TestWaitingEndsWithTheChangeAndHoldsNoConnection(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.orders.SetRecheck(time.Hour)
		s.created()
		s.projected()
		var waiting errgroup.Group
		for range 40 {
			waiting.Go(func() error {
				view, err := s.orders.OrderAfter(t.Context(), "order-1", 1, time.Hour, nil)
				if err == nil && view.Status != order.Confirmed {
					return fmt.Errorf("released with %+v", view)
				}
				return err
			})
		}
		s.confirmed()
		s.projected()
		require.NoError(t, waiting.Wait())
	})
}

// The projector of this process stands still, so nobody signals a change.
func TestWaitingLooksByItselfNowAndThen(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.orders.SetRecheck(time.Millisecond)
		s.created()
		var waiting errgroup.Group
		waiting.Go(func() error {
			_, err := s.orders.OrderAfter(t.Context(), "order-1", 1, time.Hour, nil)
			return err
		})
		// Each look at an order that is not projected wakes the projector.
		require.Eventually(t, func() bool { return s.wakes.Load() >= 2 }, 10*time.Second, time.Millisecond)
		s.confirmed()
		require.NoError(t, waiting.Wait())
	})
}

func TestWaitingForAnOrderThatDoesNotExistYet(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		var waiting errgroup.Group
		waiting.Go(func() error {
			_, err := s.orders.OrderAfter(t.Context(), "order-1", 0, time.Hour, nil)
			return err
		})
		s.created()
		s.projected()
		require.NoError(t, waiting.Wait())
	})
}

func TestWaitingEndsWithoutAChange(t *testing.T) {
	released := make(chan struct{})
	close(released)
	for name, test := range map[string]struct {
		wait    time.Duration
		release chan struct{}
	}{
		"when the time is up":     {time.Millisecond, nil},
		"when there is no time":   {0, nil},
		"when the server is done": {time.Hour, released},
	} {
		t.Run(name, func(t *testing.T) {
			eachService(t, func(t *testing.T, s *service) {
				_, err := s.orders.OrderAfter(t.Context(), "order-1", 0, test.wait, test.release)
				assert.Equal(t, problem.NotFound, problem.CodeOf(err))

				s.created()
				s.projected()
				view, err := s.orders.OrderAfter(t.Context(), "order-1", 1, test.wait, test.release)
				require.NoError(t, err)
				assert.EqualValues(t, 1, view.Version, "the order as it is")
			})
		})
	}
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.projected()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := s.orders.OrderAfter(ctx, "order-1", 1, time.Hour, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestACustomersOrdersAreListed(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		s.projected()
		page, err := s.customers.Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 10})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		assert.EqualValues(t, 1, page.Total)
		assert.Equal(t, "order-1", page.Items[0].OrderID)
	})
}

func (s *service) list(seenVersion int64) order.Page {
	page, err := s.customers.Page(s.t.Context(), order.ListQuery{
		CustomerID: "cust-ada", Page: 1, Limit: 10, SeenOrder: "order-1", SeenVersion: seenVersion,
	})
	require.NoError(s.t, err)
	return page
}

// The projector runs when it is woken: the list waits for it.
func TestAListShowsTheVersionThatTheCallerHasSeen(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.customers = query.NewCustomerOrders(query.Projection{
			Views: s.views, Watchers: new(readmodel.Watchers), Wake: s.wake, Patience: time.Minute,
		})
		woken := make(chan struct{}, 10)
		s.onWake = func() { woken <- struct{}{} }
		projecting := make(chan error, 1)
		go func() {
			<-woken
			_, err := s.projector.RunOnce(t.Context())
			projecting <- err
		}()
		s.created()
		s.confirmed()
		page := s.list(2)
		require.NoError(t, <-projecting)
		require.Len(t, page.Items, 1)
		assert.Equal(t, order.Confirmed, page.Items[0].Status)

		s.list(2)
		assert.EqualValues(t, 1, s.wakes.Load(), "it was there already")
	})
}

// Another process projects, and says nothing.
func TestAListSeesWhatAnotherProcessProjects(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		other := newService(t, s.db)
		s.onWake = func() { other.projected() }
		assert.Len(t, s.list(1).Items, 1)
	})
}

func TestAListDoesNotWaitForAProjectorThatStandsStill(t *testing.T) {
	eachService(t, func(t *testing.T, s *service) {
		s.created()
		assert.Empty(t, s.list(1).Items, "as it is")
		ctx, cancel := context.WithCancel(t.Context())
		s.onWake = cancel
		_, err := s.customers.Page(ctx, order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 10, SeenOrder: "order-1", SeenVersion: 1})
		require.ErrorIs(t, err, context.Canceled)
	})
}
