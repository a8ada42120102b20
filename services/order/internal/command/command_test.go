package command_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/command"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The commands on each database.
func TestCommands(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, s *service){
		"an order goes from draft to shipped":                        draftToShipped,
		"events say which trace, step and operator caused them":      metadataIsRecorded,
		"an equal command gets the first answer and has no effect":   replayGetsFirstAnswer,
		"an equal key with another placement is refused":             keyReuseIsRefused,
		"an order is created under one key only":                     otherKeyConflicts,
		"commands out of turn are refused":                           outOfTurnIsRefused,
		"a refused command may be sent again when its turn has come": refusedCommandIsNotRemembered,
		"shipping again may report the saga in other words":          shipReplayIgnoresSaga,
		"a draft is cancelled":                                       draftIsCancelled,
		"a confirmed order is cancelled":                             confirmedIsCancelled,
		"cancelling twice gives the same answer":                     cancelTwice,
		"an unknown order is created and cancelled":                  unknownIsCreatedAndCancelled,
		"a creation after its cancellation is refused":               lateCreateIsRefused,
		"a shipped order cannot be cancelled":                        shippedIsTooLate,
		"equal commands at once have one effect":                     equalCommandsAtOnce,
		"creation and cancellation at once end cancelled":            createAndCancelAtOnce,
		"a decision is recorded in any status, and changes none":     interventionChangesNoStatus,
		"a decision about an unknown order may be sent again":        interventionWaitsForTheOrder,
		"an equal decision gets the first answer and has no effect":  interventionReplays,
		"a decision under the number of another is refused":          interventionNumberIsTaken,
		"a decision says who made it":                                interventionNamesItsActor,
		"equal decisions at once are recorded once":                  equalInterventionsAtOnce,
		"nothing remains of a command whose append fails":            failedAppendLeavesNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
				test(t, newService(t, db))
			})
		})
	}
}

type service struct {
	t         *testing.T
	events    *eventstore.Store
	create    *command.CreateOrder
	confirm   *command.ConfirmOrder
	ship      *command.ShipOrder
	cancel    *command.CancelOrder
	intervene *command.RecordIntervention

	now        time.Time
	newEventID func() string
	appended   atomic.Int64
}

func newService(t *testing.T, db *sqlstore.DB) *service { return newServiceWith(t, db, 0) }

func newServiceWith(t *testing.T, db *sqlstore.DB, snapshotEvery int64) *service {
	var count atomic.Int64
	s := &service{t: t, events: eventstore.New(db), now: noon}
	s.newEventID = func() string { return fmt.Sprintf("event-%d", count.Add(1)) }
	cfg := command.Config{
		Store: s.events, Codec: eventcodec.New(),
		Now:        func() time.Time { return s.now },
		NewEventID: func() string { return s.newEventID() },
		Appended:   func() { s.appended.Add(1) },
		Log:        zap.NewNop(),

		SnapshotEvery: snapshotEvery,
	}
	s.create, s.confirm = command.NewCreateOrder(cfg), command.NewConfirmOrder(cfg)
	s.ship, s.cancel = command.NewShipOrder(cfg), command.NewCancelOrder(cfg)
	s.intervene = command.NewRecordIntervention(cfg)
	return s
}

// stream returns the types of the order's events.
func (s *service) stream() (kinds []string) {
	for _, event := range s.recorded() {
		kinds = append(kinds, event.Type)
	}
	return kinds
}

func (s *service) recorded() []eventstore.Recorded {
	events, err := s.events.Load(s.t.Context(), s.events.Reader(), eventstore.Stream{Type: domain.AggregateType, ID: "order-1"})
	require.NoError(s.t, err)
	return events
}

func (s *service) given(commands ...func(context.Context) (order.Acknowledgement, error)) {
	for _, run := range commands {
		_, err := run(s.t.Context())
		require.NoError(s.t, err)
	}
}

func (s *service) creates(ctx context.Context) (order.Acknowledgement, error) {
	return s.create.Handle(ctx, createRequest())
}

func (s *service) confirms(ctx context.Context) (order.Acknowledgement, error) {
	return s.confirm.Handle(ctx, order.ConfirmRequest{Key: key("confirm-order")})
}

func (s *service) ships(ctx context.Context) (order.Acknowledgement, error) {
	return s.ship.Handle(ctx, shipRequest())
}

func (s *service) cancels(ctx context.Context) (order.Acknowledgement, error) {
	return s.cancel.Handle(ctx, cancelRequest())
}

func key(step string) order.Key { return order.Key{OrderID: "order-1", Step: step, Revision: 1} }

func placement() order.Placement {
	return order.Placement{
		OrderID: "order-1", CustomerID: "cust-ada", CustomerName: "Ada",
		Items:      []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		Total:      money.New(9998, "USD"),
		AcceptedAt: noon,
	}
}

func createRequest() order.CreateRequest {
	return order.CreateRequest{Key: key("create-order"), Placement: placement()}
}

func shipRequest() order.ShipRequest {
	return order.ShipRequest{
		Key: key("complete-order"), TrackingNumber: "TRACK-1", Carrier: "Parcel",
		Saga: order.Saga{State: order.SagaCompleted},
	}
}

func cancelRequest() order.CancelRequest {
	return order.CancelRequest{
		Key: key("create-order"), Reason: "declined", Placement: placement(),
		Saga: order.Saga{State: order.SagaCompensated},
	}
}

func acknowledged(status order.Status, version int64) order.Acknowledgement {
	return order.Acknowledgement{OrderID: "order-1", Status: status, Version: version}
}

func draftToShipped(t *testing.T, s *service) {
	for _, step := range []struct {
		run  func(context.Context) (order.Acknowledgement, error)
		want order.Acknowledgement
	}{
		{s.creates, acknowledged(order.Draft, 1)},
		{s.confirms, acknowledged(order.Confirmed, 2)},
		{s.ships, acknowledged(order.Shipped, 3)},
	} {
		got, err := step.run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, step.want, got)
	}
	assert.Equal(t, []string{"OrderCreated", "OrderConfirmed", "OrderShipped"}, s.stream())
	assert.EqualValues(t, 3, s.appended.Load())
}

func metadataIsRecorded(t *testing.T, s *service) {
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0xab}, SpanID: trace.SpanID{1}})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	_, err := s.creates(ctx)
	require.NoError(t, err)
	byOperator := cancelRequest()
	byOperator.Operator = "Grace Hopper"
	_, err = s.cancel.Handle(ctx, byOperator)
	require.NoError(t, err)
	var causes []eventstore.Metadata
	for _, event := range s.recorded() {
		causes = append(causes, event.Metadata)
	}
	assert.Equal(t, []eventstore.Metadata{
		{TraceID: span.TraceID().String(), Causation: "create-order/1"},
		{TraceID: span.TraceID().String(), Causation: "compensate create-order/1", Operator: "Grace Hopper"},
	}, causes)
}

func replayGetsFirstAnswer(t *testing.T, s *service) {
	s.given(s.creates, s.confirms, s.ships)
	again, err := s.creates(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Draft, 1), again)
	later := createRequest()
	later.Placement.AcceptedAt = later.Placement.AcceptedAt.Add(time.Hour)
	again, err = s.create.Handle(t.Context(), later)
	require.NoError(t, err, "accepted again after Temporal has forgotten the first")
	assert.Equal(t, acknowledged(order.Draft, 1), again)
	again, err = s.confirms(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Confirmed, 2), again)
	again, err = s.ships(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Shipped, 3), again)
	assert.Len(t, s.stream(), 3)
}

func keyReuseIsRefused(t *testing.T, s *service) {
	s.given(s.creates)
	request := createRequest()
	request.Placement.CustomerName = "Grace"
	_, err := s.create.Handle(t.Context(), request)
	assert.Equal(t, problem.KeyReused, problem.CodeOf(err))

	s.given(s.confirms, s.ships)
	parcel := shipRequest()
	parcel.TrackingNumber = "TRACK-2"
	_, err = s.ship.Handle(t.Context(), parcel)
	assert.Equal(t, problem.KeyReused, problem.CodeOf(err))
}

func otherKeyConflicts(t *testing.T, s *service) {
	s.given(s.creates)
	request := createRequest()
	request.Key.Revision = 2
	_, err := s.create.Handle(t.Context(), request)
	assert.Equal(t, problem.Conflict, problem.CodeOf(err))
	assert.Len(t, s.stream(), 1)
}

func outOfTurnIsRefused(t *testing.T, s *service) {
	refused := func(run func(context.Context) (order.Acknowledgement, error), want problem.Code) {
		t.Helper()
		_, err := run(t.Context())
		assert.Equal(t, want, problem.CodeOf(err))
	}
	refused(s.confirms, problem.NotFound)
	refused(s.ships, problem.NotFound)
	s.given(s.creates)
	refused(s.ships, problem.Conflict)
	s.given(s.cancels)
	refused(s.confirms, problem.Conflict)
	refused(s.ships, problem.Conflict)
	assert.Equal(t, []string{"OrderCreated", "OrderCancelled"}, s.stream())
}

func refusedCommandIsNotRemembered(t *testing.T, s *service) {
	_, err := s.confirms(t.Context())
	require.Error(t, err)
	s.given(s.creates, s.confirms)
}

func shipReplayIgnoresSaga(t *testing.T, s *service) {
	s.given(s.creates, s.confirms, s.ships)
	request := shipRequest()
	request.Saga.Steps = []order.SagaStep{{Name: "notify", State: "failed", Error: "no mail today"}}
	again, err := s.ship.Handle(t.Context(), request)
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Shipped, 3), again)
}

func draftIsCancelled(t *testing.T, s *service) {
	s.given(s.creates)
	got, err := s.cancels(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Cancelled, 2), got)
}

func confirmedIsCancelled(t *testing.T, s *service) {
	s.given(s.creates, s.confirms)
	got, err := s.cancels(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Cancelled, 3), got)
}

func cancelTwice(t *testing.T, s *service) {
	s.given(s.creates, s.cancels)
	request := cancelRequest()
	request.Reason = "in other words"
	got, err := s.cancel.Handle(t.Context(), request)
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Cancelled, 2), got)
	assert.Len(t, s.stream(), 2)
}

func unknownIsCreatedAndCancelled(t *testing.T, s *service) {
	got, err := s.cancels(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Cancelled, 2), got)
	assert.Equal(t, []string{"OrderCreated", "OrderCancelled"}, s.stream())

	created, err := eventcodec.New().Decode(s.recorded()[0].Data)
	require.NoError(t, err)
	assert.Equal(t, placement().Items, created.(domain.OrderCreated).Items)
}

func lateCreateIsRefused(t *testing.T, s *service) {
	s.given(s.cancels)
	_, err := s.creates(t.Context())
	assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
	assert.Len(t, s.stream(), 2)
}

func shippedIsTooLate(t *testing.T, s *service) {
	s.given(s.creates, s.confirms, s.ships)
	_, err := s.cancels(t.Context())
	assert.Equal(t, problem.TooLate, problem.CodeOf(err))
	// The refused compensation left no tombstone: the creation stands.
	again, err := s.creates(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Draft, 1), again)
}

func equalCommandsAtOnce(t *testing.T, s *service) {
	var racing errgroup.Group
	for range 50 {
		racing.Go(func() error {
			got, err := s.creates(t.Context())
			if err == nil && got != acknowledged(order.Draft, 1) {
				return fmt.Errorf("acknowledged %+v", got)
			}
			return err
		})
	}
	require.NoError(t, racing.Wait())
	assert.Equal(t, []string{"OrderCreated"}, s.stream())
}

func createAndCancelAtOnce(t *testing.T, s *service) {
	var racing errgroup.Group
	racing.SetLimit(20)
	for i := range 20 {
		racing.Go(func() error {
			if i%2 == 0 {
				_, err := s.cancels(t.Context())
				return err
			}
			_, err := s.creates(t.Context())
			if problem.CodeOf(err) == problem.AlreadyCompensated {
				return nil
			}
			return err
		})
	}
	require.NoError(t, racing.Wait())
	assert.Equal(t, []string{"OrderCreated", "OrderCancelled"}, s.stream())
}

func failedAppendLeavesNothing(t *testing.T, s *service) {
	s.given(s.creates)
	good := s.newEventID
	s.newEventID = func() string { return "event-1" } // used already
	_, err := s.confirms(t.Context())
	assert.Equal(t, problem.Internal, problem.CodeOf(err))
	assert.Len(t, s.stream(), 1)

	s.newEventID = good
	got, err := s.confirms(t.Context())
	require.NoError(t, err)
	assert.Equal(t, acknowledged(order.Confirmed, 2), got)
}
