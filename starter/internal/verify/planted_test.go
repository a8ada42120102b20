package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/starter/internal/verify"
)

// requireBroken requires that exactly those invariants are broken, and that
// each breach names the subject.
func requireBroken(t *testing.T, report *verify.Report, invariants []int, subject string) {
	t.Helper()
	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	assert.False(t, report.OK)
	var broken []int
	for _, invariant := range report.Invariants {
		if invariant.OK {
			assert.Empty(t, invariant.Breaches)
			continue
		}
		broken = append(broken, invariant.Number)
		named := slices.ContainsFunc(invariant.Breaches, func(b verify.Breach) bool { return b.Subject == subject })
		assert.True(t, named, "invariant %d does not name %s:\n%s", invariant.Number, subject, &text)
	}
	require.Equal(t, invariants, broken, text.String())
}

// planting is a wrong row and the invariants that it turns red.
type planting struct {
	name    string
	breaks  []int
	subject string
	detail  string
	plant   func(s *system)
}

// planted are wrong rows: each turns exactly one invariant red, but for those
// that no single row can break alone.
var planted = []planting{
	{
		"deliberate defect: a refund is dropped", []int{verify.Money}, refused.orderID, "cancelled, but the provider still holds 10.00 USD",
		func(s *system) {
			s.plant("payment", `DELETE FROM payment_simulator_movement WHERE kind = 'refund' AND order_id = $1`, refused.orderID)
			s.plant("payment", `DELETE FROM payment_simulator_refund WHERE order_id = $1`, refused.orderID)
			s.plant("payment", `UPDATE payment_simulator_charge SET state = 'captured' WHERE order_id = $1`, refused.orderID)
			s.plant("payment", `DELETE FROM ledger_entry WHERE transaction_id = $1 || '/ChargePayment/1/refund'`, refused.orderID)
			s.plant("payment", `DELETE FROM ledger_transaction WHERE kind = 'refund' AND order_id = $1`, refused.orderID)
			s.plant("payment", `DELETE FROM refund WHERE order_id = $1`, refused.orderID)
			s.plant("payment", `UPDATE charge SET state = 'captured' WHERE order_id = $1`, refused.orderID)
		},
	},
	{
		"a refund that the provider never made", []int{verify.Money}, refused.orderID, "the ledger has 10.00 USD and 10.00 USD",
		func(s *system) {
			s.plant("payment", `DELETE FROM payment_simulator_movement WHERE kind = 'refund' AND order_id = $1`, refused.orderID)
			s.plant("payment", `DELETE FROM payment_simulator_refund WHERE order_id = $1`, refused.orderID)
			s.plant("payment", `UPDATE payment_simulator_charge SET state = 'captured' WHERE order_id = $1`, refused.orderID)
		},
	},
	{
		"a ledger entry that was changed", []int{verify.Money}, happy.orderID, "sum to 0.01 USD, not to zero",
		func(s *system) {
			s.plant("payment", `UPDATE ledger_entry SET amount = amount + 1 WHERE account = 'customer-deposits' AND transaction_id LIKE $1 || '%'`, happy.orderID)
		},
	},
	{
		"a charge of another amount", []int{verify.Money}, waiting.orderID, "its total is 12.50 USD, but the provider holds 12.49 USD",
		func(s *system) {
			s.plant("payment", `UPDATE payment_simulator_movement SET amount = amount - 1 WHERE order_id = $1`, waiting.orderID)
			s.plant("payment", `UPDATE payment_simulator_charge SET amount = amount - 1 WHERE order_id = $1`, waiting.orderID)
		},
	},
	{
		"a refund that never settled", []int{verify.Money}, refused.orderID, "is still not settled",
		func(s *system) {
			s.plant("payment", `UPDATE refund SET state = 'requested' WHERE order_id = $1`, refused.orderID)
		},
	},

	{
		"a reservation that outlives its order", []int{verify.Stock}, refused.orderID, "it has 4 held",
		func(s *system) {
			s.plant("inventory", `UPDATE reservation SET state = 'held' WHERE order_id = $1`, refused.orderID)
		},
	},
	{
		"stock that left without a trace", []int{verify.Stock}, "product prod-cup", "are not on hand 46",
		func(s *system) {
			s.plant("inventory", `UPDATE stock SET on_hand = on_hand - 1 WHERE product_id = 'prod-cup'`)
		},
	},
	{
		"a hold that was lost", []int{verify.Stock}, "product prod-plate", "its changes make 25, 5, 0",
		func(s *system) {
			s.plant("inventory", `UPDATE stock SET reserved = 0 WHERE product_id = 'prod-plate'`)
		},
	},
	{
		"a change of stock that was deleted", []int{verify.Stock}, "product prod-plate", "but there are",
		func(s *system) {
			s.plant("inventory", `DELETE FROM stock_change WHERE kind = 'adjustment'`)
		},
	},

	{
		"a saga that ended otherwise than its order", []int{verify.End}, happy.orderID, `its saga ended "compensated"`,
		func(s *system) {
			s.inHistory(happy, `"state":"completed"`, `"state":"compensated"`)
		},
	},
	{
		"a step that was never undone", []int{verify.End}, refused.orderID, "is recorded as blocked",
		func(s *system) {
			s.inHistory(refused, `{"name":"ShipOrder","state":"compensated"}`, `{"name":"ShipOrder","state":"blocked"}`)
		},
	},
	{
		"an order that vanished", []int{verify.End}, "order-00000000-0000-8000-8000-000000000000", "an order that has no events",
		func(s *system) {
			s.plant("notification", `INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
				VALUES ('order-00000000-0000-8000-8000-000000000000', 'NotifyCustomer', 1, 'confirmed', 'h', '{}', 1, 1, 0)`)
		},
	},
	{
		"an order that the gateway does not know", []int{verify.End}, waiting.orderID, "the gateway does not know it",
		func(s *system) { s.unknown[waiting.orderID] = true },
	},

	{
		"a hole in a stream", []int{verify.Streams}, happy.orderID, "version 3 comes after version 1",
		func(s *system) {
			s.plant("order", `DELETE FROM event WHERE aggregate_id = $1 AND version = 2`, happy.orderID)
		},
	},
	{
		"an illegal transition", []int{verify.Streams}, happy.orderID, `OrderCancelled, which cannot happen to an order that is "shipped"`,
		func(s *system) {
			s.plant("order", `INSERT INTO event (position, event_id, aggregate_type, aggregate_id, version, event_type, schema_version, payload, metadata, occurred_at)
				SELECT position + 1, 'event-planted', 'Order', $1, 4, 'OrderCancelled', 1, '{}', '{}', occurred_at FROM event_head`, happy.orderID)
		},
	},
	{
		"an event ID that stands in two streams", []int{verify.Streams}, unkeyed.orderID, "stands in the stream of " + happy.orderID,
		func(s *system) {
			var id any
			s.tamper["order/event"] = func(rows []map[string]any) []map[string]any {
				for _, row := range rows {
					if row["aggregateId"] == happy.orderID {
						id = row["eventId"]
					}
				}
				for _, row := range rows {
					if row["aggregateId"] == unkeyed.orderID && row["version"] == 1.0 {
						row["eventId"] = id
					}
				}
				return rows
			}
		},
	},
	{
		"an event that was lost as a whole", []int{verify.Streams}, "position 1", "no event has it",
		func(s *system) {
			s.plant("order", `UPDATE event SET position = 1000 WHERE position = 1`)
			s.plant("order", `UPDATE event SET position = position + 2000`)
			s.plant("order", `UPDATE event SET position = position - 2000 WHERE position < 3000`)
		},
	},
	{
		"a payload that is cut", []int{verify.Streams}, happy.orderID, "the payload of version 1 cannot be read",
		func(s *system) {
			s.plant("order", `UPDATE event SET payload = substr(payload, 1, 20) WHERE aggregate_id = $1 AND version = 1`, happy.orderID)
		},
	},

	{
		"deliberate defect: an event is applied twice", []int{verify.Projection}, "customer cust-ada", "off by +0 draft, +0 confirmed, +1 shipped",
		func(s *system) {
			s.plant("order", `UPDATE order_count SET shipped = shipped + 1 WHERE customer_id = 'cust-ada'`)
		},
	},
	{
		"deliberate defect: a position-only cursor skips an event that commits late", []int{verify.Projection}, happy.orderID, "its view is at version 2",
		func(s *system) {
			s.plant("order", `UPDATE order_view SET version = 2, view = replace(replace(view, '"shipped"', '"confirmed"'), '"version":3', '"version":2') WHERE order_id = $1`, happy.orderID)
			s.plant("order", `UPDATE order_summary SET version = 2, status = 'confirmed' WHERE order_id = $1`, happy.orderID)
			s.plant("order", `UPDATE order_count SET confirmed = confirmed + 1, shipped = shipped - 1 WHERE customer_id = 'cust-ada'`)
			s.plant("order", `UPDATE order_count_block SET confirmed = confirmed + 1, shipped = shipped - 1 WHERE customer_id = 'cust-ada'`)
		},
	},
	{
		"a first event that was skipped", []int{verify.Projection}, waiting.orderID, "lacks the order",
		func(s *system) {
			for _, table := range []string{"order_view", "order_summary"} {
				s.plant("order", `DELETE FROM `+table+` WHERE order_id = $1`, waiting.orderID)
			}
		},
	},
	{
		"a view with another name", []int{verify.Projection}, happy.orderID, "its view has customerName Ada Byron, but its events make Ada Lovelace",
		func(s *system) {
			s.plant("order", `UPDATE order_view SET view = replace(view, 'Lovelace', 'Byron') WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a summary with another total", []int{verify.Projection}, happy.orderID, "its summary is",
		func(s *system) {
			s.plant("order", `UPDATE order_summary SET total_amount = total_amount + 1 WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"ordinals that were mixed up", []int{verify.Projection}, "customer cust-bob", "but has the ordinal 9",
		func(s *system) {
			s.plant("order", `UPDATE order_view SET ordinal = 9 WHERE order_id = $1`, refused.orderID)
			s.plant("order", `UPDATE order_summary SET ordinal = 9 WHERE order_id = $1`, refused.orderID)
		},
	},

	{
		"a second shipment", []int{verify.AtMostOne}, happy.orderID, "the carrier has 2 live shipments",
		func(s *system) {
			s.compensatedRevision("shipping", happy, "ShipOrder")
			s.plant("shipping", `INSERT INTO carrier_simulator_consignment (idempotency_key, order_id, address, parcels, state, tracking_number, reason, created_at, updated_at)
				VALUES ($1 || '/ShipOrder/2', $1, '{}', '[]', 'accepted', 'SP2', '', 1, 1)`, happy.orderID)
		},
	},
	{
		"a shipment of a cancelled order", []int{verify.AtMostOne}, refused.orderID, "it is cancelled, but the carrier has the live shipment SP3",
		func(s *system) {
			s.plant("shipping", `UPDATE carrier_simulator_consignment SET state = 'accepted', tracking_number = 'SP3' WHERE order_id = $1`, refused.orderID)
		},
	},
	{
		// Whoever pays twice has also paid too much.
		"a second charge", []int{verify.Money, verify.AtMostOne}, happy.orderID, "the provider has 2 live charges",
		func(s *system) {
			s.compensatedRevision("payment", happy, "ChargePayment")
			s.plant("payment", `INSERT INTO payment_simulator_charge SELECT $1 || '/ChargePayment/2', order_id, customer_id, amount, currency, method, state, reference, reason, created_at
				FROM payment_simulator_charge WHERE order_id = $1`, happy.orderID)
			s.plant("payment", `INSERT INTO payment_simulator_movement SELECT $1 || '/ChargePayment/2', kind, $1 || '/ChargePayment/2', order_id, amount, currency, moved_at
				FROM payment_simulator_movement WHERE order_id = $1`, happy.orderID)
		},
	},

	{
		"deliberate defect: the fence is skipped", []int{verify.Compensation}, happy.orderID, "has no fence row",
		func(s *system) {
			s.plant("payment", `DELETE FROM fence WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a step that was tried and left", []int{verify.Compensation}, happy.orderID, "was tried and never confirmed or compensated",
		func(s *system) {
			s.plant("inventory", `UPDATE fence SET state = 'tried', answer = '', confirmed_at = 0 WHERE order_id = $1 AND step = 'CommitInventory'`, happy.orderID)
		},
	},
	{
		"a compensation that was left out", []int{verify.Compensation}, refused.orderID, "is confirmed and not compensated",
		func(s *system) {
			s.plant("shipping", `UPDATE fence SET state = 'confirmed', compensated_at = 0 WHERE order_id = $1`, refused.orderID)
		},
	},
	{
		"compensations in the wrong order", []int{verify.Compensation}, refused.orderID, "ReserveInventory was compensated at",
		func(s *system) {
			s.plant("payment", `UPDATE fence SET compensated_at = compensated_at + 3600000000 WHERE order_id = $1`, refused.orderID)
			// The order's own end comes last all the same.
			s.plant("order", `UPDATE fence SET compensated_at = compensated_at + 7200000000 WHERE order_id = $1 AND step = 'CreateOrder'`, refused.orderID)
		},
	},
	{
		"an effect after its tombstone", []int{verify.Compensation}, outOfStock.orderID, "came after its tombstone",
		func(s *system) {
			s.plant("payment", `INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
				VALUES ($1, 'ChargePayment', 1, 'compensated', '', '', 0, 0, 1)`, outOfStock.orderID)
			s.plant("payment", `INSERT INTO charge (order_id, step, revision, customer_id, amount, currency, method, state, reference, reason, updated_at)
				VALUES ($1, 'ChargePayment', 1, 'cust-bob', 1, 'USD', 'pm', 'void', '', '', 1)`, outOfStock.orderID)
		},
	},

	{
		"a first answer that is another order's", []int{verify.Idempotency}, happy.orderID, "the first answer of ChargePayment at payment is about order-other",
		func(s *system) {
			s.plant("payment", `UPDATE fence SET answer = replace(answer, order_id, 'order-other') WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a key that would take another body", []int{verify.Idempotency}, unkeyed.orderID, "another one would not be refused",
		func(s *system) {
			s.plant("inventory", `UPDATE fence SET body_hash = '' WHERE order_id = $1`, unkeyed.orderID)
		},
	},
	{
		"a keyed order without the hash of its request", []int{verify.Idempotency}, happy.orderID, "it has no hash of the request",
		func(s *system) {
			s.inHistory(happy, `"requestHash":"hash-of-`+happy.orderID+`"`, `"requestHash":""`)
			s.plant("order", `UPDATE event SET payload = replace(payload, '"requestHash":"",', '') WHERE aggregate_id = $1`, happy.orderID)
			s.plant("order", `UPDATE order_view SET view = replace(view, '"requestHash":"",', '') WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"an order that was created under two keys", []int{verify.Idempotency}, refused.orderID, "it was created under 2 keys",
		func(s *system) { s.compensatedRevision("order", refused, "CreateOrder") },
	},
}

// inHistory replaces a text in an order's events and in its view alike.
func (s *system) inHistory(story story, old, replacement string) {
	s.t.Helper()
	s.plant("order", `UPDATE event SET payload = replace(payload, $2, $3) WHERE aggregate_id = $1`, story.orderID, old, replacement)
	s.plant("order", `UPDATE order_view SET view = replace(view, $2, $3) WHERE order_id = $1`, story.orderID, old, replacement)
}

// compensatedRevision adds a second revision of a step that was undone.
func (s *system) compensatedRevision(service string, story story, step string) {
	s.t.Helper()
	s.plant(service, `INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
		SELECT order_id, step, 2, 'compensated', body_hash, answer, tried_at, confirmed_at,
			CASE WHEN compensated_at = 0 THEN confirmed_at ELSE compensated_at END
		FROM fence WHERE order_id = $1 AND step = $2`, story.orderID, step)
}

func TestAPlantedRowTurnsItsInvariantRed(t *testing.T) {
	for _, test := range slices.Concat(planted, plantedRefunds) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			requireHolds(t, s.verify())
			test.plant(s)
			report := s.verify()
			requireBroken(t, report, test.breaks, test.subject)
			var details []string
			for _, number := range test.breaks {
				for _, breach := range report.Invariant(number).Breaches {
					details = append(details, breach.Detail)
				}
			}
			assert.Contains(t, strings.Join(details, "\n"), test.detail)
		})
	}
}

func TestEveryInvariantHasAPlantedRow(t *testing.T) {
	covered := map[int]bool{verify.Acceptance: true} // TestAcceptedOrdersMustExist
	for _, test := range planted {
		if len(test.breaks) == 1 {
			covered[test.breaks[0]] = true
		}
	}
	for number := verify.Money; number <= verify.Acceptance; number++ {
		assert.True(t, covered[number], "invariant %d", number)
	}
}

func TestAnOrderInFlightIsAllowedUntilTheSystemIsAtRest(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	requireHolds(t, s.verify())
	requireBroken(t, s.verify(func(c *verify.Config) { c.AtRest = true }), []int{verify.End}, waiting.orderID)
}
