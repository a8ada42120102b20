package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// parked is an order that was undone, but for what operators have settled.
var parked = story{
	orderID: contract.OrderIDForKey("cust-eve", "parked"), customerID: "cust-eve", keyed: true,
	product: "prod-cup", quantity: 2, method: "pm_card_visa", stopAfter: contract.StepShipOrder,
}

// decide records a decision about an order.
func (s *system) decide(story story, number int, action order.InterventionAction, step string) {
	s.t.Helper()
	_, err := s.orders.RecordIntervention(s.t.Context(), order.InterventionRequest{
		Key: order.Key{OrderID: story.orderID, Step: order.InterventionStep, Revision: number},
		Intervention: order.Intervention{
			Action: action, Step: step, Actor: "ops-jane", Reason: "the provider is gone",
			At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		},
	})
	require.NoError(s.t, err)
}

// park ships the order to the carrier and undoes all of it, but for what is
// settled, by the names of compensations.
func (s *system) park(settled map[string]order.Compensation) {
	s.t.Helper()
	_, err := s.forward(s.t.Context(), parked)
	require.NoError(s.t, err)
	saga := order.Saga{State: order.SagaCompensated}
	for _, step := range []struct {
		name, undo string
		run        func() error
	}{
		{contract.StepShipOrder, contract.UndoShipOrder, func() error {
			return s.shipping.Cancel(s.t.Context(), shipping.CancelRequest{Key: parked.key(contract.StepShipOrder), Reason: "late"})
		}},
		{contract.StepChargePayment, contract.UndoChargePayment, func() error {
			return s.payments.Refund(s.t.Context(), payment.RefundRequest{Key: parked.key(contract.StepChargePayment), Reason: "late"})
		}},
		{contract.StepReserveInventory, contract.UndoReserveInventory, func() error {
			return s.inventory.Release(s.t.Context(), inventory.ReleaseRequest{Key: parked.key(contract.StepReserveInventory)})
		}},
	} {
		recorded := order.SagaStep{Name: step.name, State: "compensated", Compensation: &order.Compensation{Name: step.undo, State: "done"}}
		if settlement, ended := settled[step.undo]; ended {
			settlement.Name = step.undo
			recorded.Compensation = &settlement
			if settlement.State == "skipped" {
				recorded.State = "done"
			}
		} else {
			require.NoError(s.t, step.run())
		}
		saga.Steps = append(saga.Steps, recorded)
	}
	_, err = s.orders.Cancel(s.t.Context(), order.CancelRequest{
		Key: parked.key(contract.StepCreateOrder), Reason: "late", Placement: parked.placement(), Saga: saga,
	})
	require.NoError(s.t, err)
}

const resolution = "settled by ops-jane: the provider is gone"

// What an operator has settled may stand: it is named and breaks nothing. The
// same rows without the record break what they would break anywhere.
func TestWhatAnOperatorHasSettledIsNamedAndBreaksNothing(t *testing.T) {
	for _, test := range []struct {
		undo   string
		breaks []int
	}{
		{contract.UndoChargePayment, []int{verify.Money, verify.Compensation}},
		{contract.UndoReserveInventory, []int{verify.Stock, verify.Compensation}},
		{contract.UndoShipOrder, []int{verify.AtMostOne, verify.Compensation}},
	} {
		for _, state := range []string{"skipped", "done"} {
			t.Run(test.undo+" "+state, func(t *testing.T) {
				t.Parallel()
				s := newSystem(t, sqlstoretest.SQLite)
				s.live()
				s.park(map[string]order.Compensation{test.undo: {State: state, Error: "away", Resolution: resolution}})
				s.decide(parked, 1, order.InterventionSkip, test.undo)
				s.awaitProjection()
				report := s.verify(func(c *verify.Config) { c.PageSize = 3 })
				requireHolds(t, report)
				assert.Equal(t, []verify.Settlement{{OrderID: parked.orderID, Compensation: test.undo, Resolution: resolution}}, report.Settlements)
				assert.Equal(t, 1, report.Invariant(verify.End).Figures.Get("settledByOperator"))
				assert.Equal(t, 5, report.Invariant(verify.End).Figures.Get("cancelled"))
				var text strings.Builder
				require.NoError(t, report.WriteText(&text))
				assert.Contains(t, text.String(), "\nsettled by an operator: "+parked.orderID+", "+test.undo+`: "`+resolution+"\"\n")

				s.inHistory(parked, `,"resolution":"`+resolution+`"`, "")
				report = s.verify()
				breaks := slices.Clone(test.breaks)
				if state == "skipped" {
					breaks = slices.Sorted(slices.Values(append(breaks, verify.End)))
				}
				requireBroken(t, report, breaks, parked.orderID)
				assert.Empty(t, report.Settlements)
			})
		}
	}
}

// Everything may have been settled of one order; each is named.
func TestAllCompensationsMayBeSettled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		skipped := order.Compensation{State: "skipped", Resolution: resolution}
		s.park(map[string]order.Compensation{
			contract.UndoChargePayment: skipped, contract.UndoReserveInventory: skipped, contract.UndoShipOrder: skipped,
		})
		s.awaitProjection()
		report := s.verify()
		requireHolds(t, report)
		assert.Len(t, report.Settlements, 3)
		assert.Equal(t, 1, report.Invariant(verify.End).Figures.Get("settledByOperator"))
	})
}

// A settlement covers its own compensation, and nothing more than a step that
// was not undone.
func TestASettlementHidesNothingElse(t *testing.T) {
	settled := func(undo string) map[string]order.Compensation {
		return map[string]order.Compensation{undo: {State: "skipped", Resolution: resolution}}
	}
	for name, test := range map[string]struct {
		settled map[string]order.Compensation
		breaks  []int
		plant   func(s *system)
	}{
		"money that is neither paid nor back": {settled(contract.UndoChargePayment), []int{verify.Money}, func(s *system) {
			s.plant("payment", `UPDATE payment_simulator_movement SET amount = amount - 1 WHERE order_id = $1`, parked.orderID)
			s.plant("payment", `UPDATE payment_simulator_charge SET amount = amount - 1 WHERE order_id = $1`, parked.orderID)
		}},
		"goods that left the shelf": {settled(contract.UndoReserveInventory), []int{verify.Stock}, func(s *system) {
			s.plant("inventory", `UPDATE reservation SET state = 'committed' WHERE order_id = $1`, parked.orderID)
			s.plant("inventory", `INSERT INTO stock_change (product_id, version, kind, quantity, order_id, changed_at)
				SELECT product_id, version + 1, 'commit', 2, $1, 1 FROM stock WHERE product_id = 'prod-cup'`, parked.orderID)
			s.plant("inventory", `UPDATE stock SET version = version + 1, on_hand = on_hand - 2, reserved = reserved - 2, shipped = shipped + 2
				WHERE product_id = 'prod-cup'`)
		}},
		"another compensation that was left out": {settled(contract.UndoChargePayment), []int{verify.Compensation}, func(s *system) {
			s.plant("shipping", `UPDATE fence SET state = 'confirmed', compensated_at = 0 WHERE order_id = $1`, parked.orderID)
		}},
		"another shipment": {settled(contract.UndoShipOrder), []int{verify.AtMostOne}, func(s *system) {
			s.compensatedRevision("shipping", parked, "ShipOrder")
			s.plant("shipping", `INSERT INTO carrier_simulator_consignment (idempotency_key, order_id, address, parcels, state, tracking_number, reason, created_at, updated_at)
				VALUES ($1 || '/ShipOrder/2', $1, '{}', '[]', 'accepted', 'SP2', '', 1, 1)`, parked.orderID)
		}},
		"the end of the order itself": {settled(contract.UndoChargePayment), []int{verify.Compensation}, func(s *system) {
			s.plant("order", `UPDATE fence SET state = 'confirmed', compensated_at = 0 WHERE order_id = $1 AND step = 'CreateOrder'`, parked.orderID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			s.park(test.settled)
			s.awaitProjection()
			requireHolds(t, s.verify())
			test.plant(s)
			requireBroken(t, s.verify(), test.breaks, parked.orderID)
		})
	}
}

// The decisions of people stand in any order's stream, before and after its
// end, and are no steps of its saga.
func TestDecisionsMayBeRecordedAtAnyTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		for _, story := range []story{happy, refused, waiting} {
			s.decide(story, 1, order.InterventionHold, "")
			s.decide(story, 2, order.InterventionRelease, "")
			s.decide(story, 1_764_000_000_000, order.InterventionRetry, contract.StepChargePayment)
		}
		s.awaitProjection()
		report := s.verify()
		requireHolds(t, report)
		assert.EqualValues(t, 17+9, report.Invariant(verify.Streams).Figures.Get("events"))
		assert.Empty(t, report.Settlements)
	})
}

func TestPlantedRowsOfDecisionsAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		breaks  []int
		subject string
		plant   func(s *system)
	}{
		"a decision that was not fenced": {[]int{verify.Compensation}, happy.orderID, func(s *system) {
			s.plant("order", `DELETE FROM fence WHERE order_id = $1 AND step = 'Intervention'`, happy.orderID)
		}},
		"a decision before the creation": {[]int{verify.Streams}, happy.orderID, func(s *system) {
			s.plant("order", `UPDATE event SET event_type = 'OrderIntervened' WHERE aggregate_id = $1 AND version = 1`, happy.orderID)
		}},
		"a decision that the view has not seen": {[]int{verify.Projection}, happy.orderID, func(s *system) {
			s.plant("order", `UPDATE order_view SET version = 3, view = replace(view, '"version":4', '"version":3') WHERE order_id = $1`, happy.orderID)
		}},
		"a decision that changed the list": {[]int{verify.Projection}, happy.orderID, func(s *system) {
			s.plant("order", `UPDATE order_summary SET status = 'cancelled' WHERE order_id = $1`, happy.orderID)
			s.plant("order", `UPDATE order_count SET shipped = shipped - 1, cancelled = cancelled + 1 WHERE customer_id = 'cust-ada'`)
			s.plant("order", `UPDATE order_count_block SET shipped = shipped - 1, cancelled = cancelled + 1 WHERE customer_id = 'cust-ada'`)
		}},
		"a decision of which nobody knows the cause": {[]int{verify.Streams}, happy.orderID, func(s *system) {
			s.plant("order", `UPDATE event SET metadata = '[' WHERE aggregate_id = $1 AND version = 4`, happy.orderID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			s.decide(happy, 1, order.InterventionHold, "")
			s.awaitProjection()
			requireHolds(t, s.verify())
			test.plant(s)
			requireBroken(t, s.verify(), test.breaks, test.subject)
		})
	}
}

// A blocked compensation does not hold up the others. It may come after them
// when the history says that it was blocked, or that somebody had it tried
// again; the end of the order waits for it all the same.
func TestABlockedCompensationMayComeLate(t *testing.T) {
	late := func(s *system, hours int64) {
		s.plant("payment", `UPDATE fence SET compensated_at = compensated_at + $2 WHERE order_id = $1`, parked.orderID, hours*3_600_000_000)
	}
	ended := func(s *system, hours int64) {
		s.plant("order", `UPDATE fence SET compensated_at = compensated_at + $2 WHERE order_id = $1 AND step = 'CreateOrder'`,
			parked.orderID, hours*3_600_000_000)
	}
	keptError := func(s *system) {
		s.inHistory(parked, `{"name":"RefundPayment","state":"done"}`, `{"name":"RefundPayment","state":"done","error":"away"}`)
	}
	for name, test := range map[string]struct {
		tell   func(s *system)
		ends   int64
		broken bool
	}{
		"it was blocked":                           {keptError, 2, false},
		"somebody retried the step":                {func(s *system) { s.decide(parked, 1, order.InterventionRetry, contract.StepChargePayment) }, 2, false},
		"somebody retried the compensation":        {func(s *system) { s.decide(parked, 1, order.InterventionRetry, contract.UndoChargePayment) }, 2, false},
		"nobody did":                               {func(*system) {}, 2, true},
		"somebody held the order":                  {func(s *system) { s.decide(parked, 1, order.InterventionHold, "") }, 2, true},
		"another one was retried":                  {func(s *system) { s.decide(parked, 1, order.InterventionRetry, contract.UndoShipOrder) }, 2, true},
		"it was blocked, and the end did not wait": {keptError, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			s.park(nil)
			s.awaitProjection()
			requireHolds(t, s.verify())
			late(s, 1)
			if test.ends > 0 {
				ended(s, test.ends)
			}
			test.tell(s)
			s.awaitProjection()
			if test.broken {
				requireBroken(t, s.verify(), []int{verify.Compensation}, parked.orderID)
			} else {
				requireHolds(t, s.verify())
			}
		})
	}
}
