package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

func TestMain(m *testing.M) {
	// database/sql's drivers and the shared HTTP client keep idle connections.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	)
}

func eachDatabase(t *testing.T, suite func(t *testing.T, newDSN func(testing.TB) string)) {
	t.Run("sqlite", func(t *testing.T) { suite(t, sqlstoretest.SQLite) })
	t.Run("postgres", func(t *testing.T) { suite(t, sqlstoretest.Postgres) })
}

func requireHolds(t require.TestingT, report *verify.Report) {
	if report.OK {
		return
	}
	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	require.Fail(t, "it should hold", text.String())
}

func TestAConsistentHistoryHolds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		for _, size := range []int{1, 2, 1000} {
			report := s.verify(func(c *verify.Config) { c.PageSize = size })
			requireHolds(t, report)
			assert.Equal(t, 7, report.Orders)
			assert.Zero(t, report.Reread)
			figures := map[int]map[string]any{
				verify.Money: {"orders": 7, "ledgerTransactions": 5, "ledgerEntries": 10},
				verify.Stock: {
					"products": 2, "initial": int64(70), "adjustments": int64(5), "onHand": int64(72),
					"reserved": int64(5), "shipped": int64(3),
				},
				verify.End:         {"shipped": 2, "cancelled": 4, "inFlight": 1, "blocked": 0},
				verify.Streams:     {"streams": 7, "events": int64(17), "head": int64(17)},
				verify.Projection:  {"views": 7, "counters": 9, "customers": 3},
				verify.AtMostOne:   {"liveCharges": 3, "liveShipments": 2},
				verify.Idempotency: {"keyedOrders": 6},
			}
			for number, want := range figures {
				for name, value := range want {
					assert.Equal(t, value, report.Invariant(number).Figures.Get(name), "%d %s", number, name)
				}
			}
			assert.Equal(t, "30.00 USD", fmt.Sprint(report.Invariant(verify.Money).Figures.Get("captured")))
			assert.Equal(t, "10.00 USD", fmt.Sprint(report.Invariant(verify.Money).Figures.Get("refunded")))
		}
	})
}

func TestAnEmptySystemHolds(t *testing.T) {
	report := newSystem(t, sqlstoretest.SQLite).verify()
	requireHolds(t, report)
	assert.Zero(t, report.Orders)
}

// Orders go through all their steps while they are verified: nothing of what
// is in flight may look broken.
func TestASystemInMotionHolds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.count("prod-cup", 1_000)
		s.count("prod-plate", 40)
		var playing errgroup.Group
		var left atomic.Int32
		const players, orders = 4, 25
		left.Store(players)
		for player := range players {
			playing.Go(func() error {
				defer left.Add(-1)
				for n := range orders {
					story := []story{happy, declined, outOfStock, refused, discounted, refusedAfterDiscount}[rand.IntN(6)]
					story.customerID = fmt.Sprintf("cust-%d", n%5)
					story.orderID = contract.OrderIDForKey(story.customerID, fmt.Sprint(player, n))
					if err := s.play(t.Context(), story); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for left.Load() > 0 {
			report, err := s.tryVerify(func(c *verify.Config) { c.PageSize, c.Pause = 7, 50*time.Millisecond })
			require.NoError(t, err)
			requireHolds(t, report)
		}
		require.NoError(t, playing.Wait())
		s.awaitProjection()
		report := s.verify(func(c *verify.Config) { c.AtRest = true })
		requireHolds(t, report)
		assert.Equal(t, players*orders, report.Orders)
	})
}

// The pages of different services are not of one moment. What looks wrong for
// that alone is read again.
func TestAnOrderThatLooksWrongIsReadAgain(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	reads := 0
	s.tamper["payment/payment_simulator_movement"] = func(rows []map[string]any) []map[string]any {
		if reads++; reads == 1 {
			return nil
		}
		return rows
	}
	report := s.verify()
	requireHolds(t, report)
	assert.Positive(t, report.Reread)
}

func TestAServiceThatDoesNotAnswerGivesNoVerdict(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.urls["shipping"] = "http://127.0.0.1:1"
	_, err := s.tryVerify(func(c *verify.Config) { c.Patience = 100 * time.Millisecond })
	require.Error(t, err)
	assert.True(t, verify.Undecided(err), err)
	assert.Contains(t, err.Error(), "reading shipping/carrier_simulator_consignment")
}

func TestACancelledVerificationEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := verify.Run(ctx, verify.Config{Gateway: gatewaytest.New(t).Client(t)})
	require.ErrorIs(t, err, context.Canceled)
}

func TestRowsThatCannotBeMergedGiveNoVerdict(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	s.tamper["order/event"] = func(rows []map[string]any) []map[string]any {
		rows[0], rows[len(rows)-1] = rows[len(rows)-1], rows[0]
		return rows
	}
	_, err := s.tryVerify()
	require.ErrorContains(t, err, "not in the order of order IDs")
}

func TestAcceptedOrdersMustExist(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	expectation := func(story story) verify.Expectation {
		return verify.Expectation{Label: "line 1", CustomerID: story.customerID, Quantities: map[string]int64{story.product: story.quantity}}
	}
	expected := map[string]verify.Expectation{happy.orderID: expectation(happy), refused.orderID: expectation(refused)}
	report := s.verify(func(c *verify.Config) { c.Expected = expected })
	requireHolds(t, report)
	assert.Equal(t, 2, report.Invariant(verify.Acceptance).Figures.Get("accepted"))

	vanished := contract.OrderIDForKey("cust-ada", "vanished")
	expected[vanished] = verify.Expectation{Label: "line 3", CustomerID: "cust-ada"}
	expected[refused.orderID] = expectation(happy)
	report = s.verify(func(c *verify.Config) { c.Expected = expected })
	requireBroken(t, report, []int{verify.Acceptance}, vanished)
	requireBroken(t, report, []int{verify.Acceptance}, refused.orderID)
	assert.Nil(t, s.verify().Invariant(verify.Acceptance))
}

func TestTheReportIsReadByPeopleAndPrograms(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	s.plant("inventory", `UPDATE stock SET on_hand = on_hand - 1 WHERE product_id = 'prod-cup'`)
	report := s.verify()
	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	assert.Contains(t, text.String(), "1 Money              ok      orders 7, captured 30.00 USD, refunded 10.00 USD, ")
	assert.Contains(t, text.String(), "2 Stock              BROKEN  ")
	assert.Contains(t, text.String(), "\n    product prod-cup: initial 50 and adjustments of 0 are not on hand 46 and shipped 3\n")
	assert.Contains(t, text.String(), "; broken: 2\n")

	encoded, err := json.Marshal(report)
	require.NoError(t, err)
	var document struct {
		OK         bool `json:"ok"`
		Invariants []struct {
			Number   int            `json:"number"`
			OK       bool           `json:"ok"`
			Figures  map[string]any `json:"figures"`
			Breaches []struct {
				Subject string `json:"subject"`
			} `json:"breaches"`
		} `json:"invariants"`
	}
	require.NoError(t, json.Unmarshal(encoded, &document))
	assert.False(t, document.OK)
	require.Len(t, document.Invariants, 8)
	assert.Equal(t, "product prod-cup", document.Invariants[1].Breaches[0].Subject)
	assert.Equal(t, []any{map[string]any{"amount": 3000.0, "currency": "USD"}}, document.Invariants[0].Figures["captured"])
}

var _ verify.Gateway = (*gatewayclient.Client)(nil)
