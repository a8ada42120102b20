package command_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/internal/migrations"
)

func TestUnacceptableRequestsNameTheField(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), migrations.Schemas()...)
	s := newService(t, db)
	for name, test := range map[string]struct {
		run  func() (order.Acknowledgement, error)
		want string
	}{
		"create without a key": {func() (order.Acknowledgement, error) {
			return s.create.Handle(t.Context(), order.CreateRequest{Placement: placement()})
		}, "/key/orderId"},
		"create with a wrong total": {func() (order.Acknowledgement, error) {
			request := createRequest()
			request.Placement.Total.Amount++
			return s.create.Handle(t.Context(), request)
		}, "/placement/total/amount"},
		"create with the key of another order": {func() (order.Acknowledgement, error) {
			request := createRequest()
			request.Key.OrderID = "order-2"
			return s.create.Handle(t.Context(), request)
		}, "/placement/orderId"},
		"confirm with revision 0": {func() (order.Acknowledgement, error) {
			return s.confirm.Handle(t.Context(), order.ConfirmRequest{Key: order.Key{OrderID: "order-1", Step: "confirm-order"}})
		}, "/key/revision"},
		"ship without a key": {func() (order.Acknowledgement, error) {
			return s.ship.Handle(t.Context(), order.ShipRequest{})
		}, "/key/orderId"},
		"ship without a carrier": {func() (order.Acknowledgement, error) {
			request := shipRequest()
			request.Carrier = ""
			return s.ship.Handle(t.Context(), request)
		}, "/carrier"},
		"cancel without a reason": {func() (order.Acknowledgement, error) {
			request := cancelRequest()
			request.Reason = ""
			return s.cancel.Handle(t.Context(), request)
		}, "/reason"},
		"cancel by an operator of two lines": {func() (order.Acknowledgement, error) {
			request := cancelRequest()
			request.Operator = "Grace\nHopper"
			return s.cancel.Handle(t.Context(), request)
		}, "/operator"},
		"intervene without a key": {func() (order.Acknowledgement, error) {
			return s.intervene.Handle(t.Context(), order.InterventionRequest{Intervention: interventionRequest(1).Intervention})
		}, "/key/orderId"},
		"intervene under the key of a step": {func() (order.Acknowledgement, error) {
			request := interventionRequest(1)
			request.Key.Step = "create-order"
			return s.intervene.Handle(t.Context(), request)
		}, "/key/step"},
		"intervene as number 0": {func() (order.Acknowledgement, error) {
			return s.intervene.Handle(t.Context(), interventionRequest(0))
		}, "/key/revision"},
		"intervene without a reason": {func() (order.Acknowledgement, error) {
			request := interventionRequest(1)
			request.Intervention.Reason = ""
			return s.intervene.Handle(t.Context(), request)
		}, "/intervention/reason"},
		"cancel without a placement": {func() (order.Acknowledgement, error) {
			request := cancelRequest()
			request.Placement = order.Placement{}
			return s.cancel.Handle(t.Context(), request)
		}, "/placement/orderId"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.run()
			require.Equal(t, problem.Invalid, problem.CodeOf(err))
			assert.Equal(t, test.want, problem.From(err).Fields[0].Pointer)
			assert.Empty(t, s.stream())
			assert.Zero(t, s.appended.Load())
		})
	}
}
