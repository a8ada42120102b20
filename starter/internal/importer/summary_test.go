package importer

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/money"
	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/workflows/contract"
)

func TestPercentilesAreNearestRanks(t *testing.T) {
	upTo := func(n int) []time.Duration {
		var times []time.Duration
		for i := n; i >= 1; i-- {
			times = append(times, time.Duration(i))
		}
		return times
	}
	tests := []struct{ count, p50, p95 int }{
		{0, 0, 0}, {1, 1, 1}, {2, 1, 2}, {3, 2, 3}, {20, 10, 19}, {21, 11, 20}, {100, 50, 95}, {101, 51, 96},
	}
	for _, test := range tests {
		assert.Equal(t, Latency{Count: test.count, P50: Duration(test.p50), P95: Duration(test.p95)}, latencyOf(upTo(test.count)))
	}
}

func example() Summary {
	return Summary{
		Lines: 998, TotalLines: 1000, Malformed: 1, Elapsed: Duration(12345 * time.Millisecond),
		Products:   WriteCounts{Written: 77, Refused: 1},
		Customers:  WriteCounts{Written: 91},
		FirstStock: StockCounts{Set: 70, Kept: 7},
		Orders: OrderCounts{
			Total: 830, Shipped: 800, Cancelled: 25, Blocked: 1, Refused: 3, Unanswered: 1, PlacedNow: 820, AlreadyThere: 6,
			CancelledBy: map[string]int{"ChargePayment": 5, "ReserveInventory": 20},
			RefusedBy:   map[string]int{"invalid": 3},
		},
		Latency: Latency{Count: 820, P50: Duration(42 * time.Millisecond), P95: Duration(1234 * time.Millisecond)},
		Totals: []CurrencyTotals{{
			Currency: "USD", Orders: big.NewInt(144_936_731), Shipped: big.NewInt(144_000_000), Cancelled: big.NewInt(936_731),
		}},
		Mismatches: []Mismatch{{
			Place: Place{File: "o.jsonl", Line: 7}, Reference: "nw-1", OrderID: "order-1",
			Expected: 199, ExpectedCurrency: "USD", Actual: 200, ActualCurrency: "USD",
		}},
	}
}

func TestTheSummaryIsReadable(t *testing.T) {
	var text strings.Builder
	require.NoError(t, example().WriteText(&text))
	assert.Equal(t, strings.TrimLeft(`
Lines         998 of 1000 in 12.35s, 1 malformed
Products      77 written, 1 refused; first stock: 70 set, 7 kept
Customers     91 written
Orders        830: 820 placed now, 6 already there
  shipped     800
  cancelled   25 (ReserveInventory 20, ChargePayment 5)
  blocked     1 (waiting for an operator)
  refused     3 (invalid 3)
  unanswered  1
Submit to end p50 42ms, p95 1.23s, over the 820 placed now
Sum of totals 144,936,731 minor units of USD (USD 1,449,367.31)
  shipped     144,000,000 minor units of USD (USD 1,440,000.00)
  cancelled   936,731 minor units of USD (USD 9,367.31)
Totals that are not as expected: 1
  o.jsonl:7: order nw-1 (order-1): the total is 2.00 USD, expected was 1.99 USD
`, "\n"), text.String())
}

func TestALongListOfMismatchesIsCut(t *testing.T) {
	summary := example()
	for range 30 {
		summary.Mismatches = append(summary.Mismatches, summary.Mismatches[0])
	}
	var text strings.Builder
	require.NoError(t, summary.WriteText(&text))
	assert.Equal(t, shownMismatches, strings.Count(text.String(), "o.jsonl:7"))
	assert.Contains(t, text.String(), "and 11 more")
}

func TestTheJSONSummaryHasPlainNumbers(t *testing.T) {
	encoded, err := json.Marshal(example())
	require.NoError(t, err)
	var decoded struct {
		Totals  []map[string]any `json:"totals"`
		Latency map[string]any   `json:"latency"`
		Elapsed float64          `json:"elapsedSeconds"`
		// A mismatch has its place among its own members.
		Mismatches []map[string]any `json:"mismatches"`
	}
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	assert.InDelta(t, 144_936_731, decoded.Totals[0]["orders"], 0)
	assert.InDelta(t, 0.042, decoded.Latency["p50Seconds"], 1e-9)
	assert.InDelta(t, 12.345, decoded.Elapsed, 1e-9)
	assert.InDelta(t, 7, decoded.Mismatches[0]["line"], 0)
}

func TestWhatKeepsAnImportFromBeingComplete(t *testing.T) {
	complete := Summary{Lines: 5, TotalLines: 5, Orders: OrderCounts{Total: 5, Shipped: 3, Cancelled: 1, Refused: 1}}
	require.True(t, complete.Complete())
	for name, spoil := range map[string]func(*Summary){
		"malformed line":      func(s *Summary) { s.Malformed = 1 },
		"unanswered product":  func(s *Summary) { s.Products.Unanswered = 1 },
		"unanswered customer": func(s *Summary) { s.Customers.Unanswered = 1 },
		"unanswered order":    func(s *Summary) { s.Orders.Unanswered = 1 },
		"waiting order":       func(s *Summary) { s.Orders.Waiting = 1 },
		"blocked order":       func(s *Summary) { s.Orders.Blocked = 1 },
		"wrong total":         func(s *Summary) { s.Mismatches = []Mismatch{{}} },
		"line not dealt with": func(s *Summary) { s.TotalLines = 6 },
	} {
		spoiled := complete
		spoil(&spoiled)
		assert.False(t, spoiled.Complete(), name)
	}
	complete.TotalLines = UnknownTotal
	assert.True(t, complete.Complete())
}

func TestSumsPass64Bits(t *testing.T) {
	tally := newTally(2)
	for i, id := range []string{"order-1", "order-2"} {
		tally.orderEnded(orderEnd{
			at: Place{Line: i}, line: &dataset.Order{},
			order: gatewayclient.Order{
				OrderID: id, Status: gatewayclient.StatusShipped, TotalAmount: money.New(math.MaxInt64, "USD"),
				Saga: &gatewayclient.Saga{State: contract.SagaCompleted},
			},
		})
	}
	want := new(big.Int).Mul(big.NewInt(math.MaxInt64), big.NewInt(2))
	assert.Equal(t, want, tally.summary(0).Totals[0].Orders)
}

func TestACancellationOnRequestHasItsOwnReason(t *testing.T) {
	tally := newTally(1)
	tally.orderEnded(orderEnd{line: &dataset.Order{}, order: gatewayclient.Order{
		OrderID: "order-1", Status: gatewayclient.StatusCancelled, Saga: &gatewayclient.Saga{State: contract.SagaCompensated},
	}})
	assert.Equal(t, map[string]int{NoFailedStep: 1}, tally.summary(0).Orders.CancelledBy)
}
