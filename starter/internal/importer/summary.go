package importer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"orderflow/services/money"
)

// Summary is what became of an import. It is the document of `import --json`.
type Summary struct {
	// Lines is how many lines were dealt with; TotalLines how many the files
	// have, or UnknownTotal. Blank lines do not count.
	Lines      int `json:"lines"`
	TotalLines int `json:"totalLines"`
	// Malformed lines were not sent.
	Malformed  int         `json:"malformed"`
	Products   WriteCounts `json:"products"`
	Customers  WriteCounts `json:"customers"`
	FirstStock StockCounts `json:"firstStock"`
	Orders     OrderCounts `json:"orders"`
	// Latency is of the orders that this import placed.
	Latency Latency          `json:"latency"`
	Totals  []CurrencyTotals `json:"totals"`
	// Mismatches are in the order of files and lines.
	Mismatches []Mismatch `json:"mismatches"`
	Elapsed    Duration   `json:"elapsedSeconds"`
}

// WriteCounts is what became of products or customers.
type WriteCounts struct {
	Written    int `json:"written"`
	Refused    int `json:"refused"`
	Unanswered int `json:"unanswered"`
}

func (w WriteCounts) failed() int { return w.Refused + w.Unanswered }

// StockCounts says how many products had no figure and got their first, and
// how many kept the one they had.
type StockCounts struct {
	Set  int `json:"set"`
	Kept int `json:"kept"`
}

// OrderCounts is what became of orders. Total = Shipped + Cancelled + Blocked
// + Waiting + Refused + Unanswered, and PlacedNow + AlreadyThere = Shipped +
// Cancelled + Blocked + Waiting.
type OrderCounts struct {
	Total     int `json:"total"`
	Shipped   int `json:"shipped"`
	Cancelled int `json:"cancelled"`
	// CancelledBy counts by the step that failed, or NoFailedStep.
	CancelledBy map[string]int `json:"cancelledBy"`
	// Blocked orders wait for an operator.
	Blocked int `json:"blocked"`
	// Waiting orders wait for their customers to replace what was refused.
	Waiting int `json:"waiting"`
	// Refused orders were never accepted; RefusedBy counts by problem code.
	Refused   int            `json:"refused"`
	RefusedBy map[string]int `json:"refusedBy"`
	// Unanswered orders may or may not exist.
	Unanswered int `json:"unanswered"`
	// PlacedNow were created during this import, AlreadyThere before it, or by
	// another line of it with the same reference.
	PlacedNow    int `json:"placedNow"`
	AlreadyThere int `json:"alreadyThere"`
}

// CurrencyTotals adds up the orders' totals of one currency, in minor units.
// Orders is over all that were accepted.
type CurrencyTotals struct {
	Currency  string   `json:"currency"`
	Orders    *big.Int `json:"orders"`
	Shipped   *big.Int `json:"shipped"`
	Cancelled *big.Int `json:"cancelled"`
}

// Place is a line of a file.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// String gives the form that editors understand: file:line.
func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

func (p Place) compare(other Place) int {
	return cmp.Or(strings.Compare(p.File, other.File), cmp.Compare(p.Line, other.Line))
}

// Mismatch is an order whose total is not what its line expects, in minor
// units.
type Mismatch struct {
	Place
	Reference        string `json:"reference"`
	OrderID          string `json:"orderId"`
	Expected         int64  `json:"expected"`
	ExpectedCurrency string `json:"expectedCurrency"`
	Actual           int64  `json:"actual"`
	ActualCurrency   string `json:"actualCurrency"`
}

// String says both amounts.
func (m Mismatch) String() string {
	return fmt.Sprintf("the total is %s, expected was %s",
		money.New(m.Actual, m.ActualCurrency), money.New(m.Expected, m.ExpectedCurrency))
}

// Complete reports whether every line was answered as the files expect: by a
// final outcome or a refusal, with the expected total.
func (s Summary) Complete() bool {
	return s.Malformed == 0 && len(s.Mismatches) == 0 &&
		s.Products.Unanswered == 0 && s.Customers.Unanswered == 0 &&
		s.Orders.Unanswered == 0 && s.Orders.Blocked == 0 && s.Orders.Waiting == 0 &&
		(s.TotalLines == UnknownTotal || s.Lines == s.TotalLines)
}

// Latency is the time from submitting an order to its end, as the client sees
// it: over Count orders, half of them took at most P50, 95 % at most P95.
type Latency struct {
	Count int      `json:"count"`
	P50   Duration `json:"p50Seconds"`
	P95   Duration `json:"p95Seconds"`
}

func latencyOf(times []time.Duration) Latency {
	sorted := slices.Sorted(slices.Values(times))
	return Latency{
		Count: len(sorted),
		P50:   Duration(percentile(sorted, 50)),
		P95:   Duration(percentile(sorted, 95)),
	}
}

// percentile is the nearest rank: the least value such that p % of all are not
// above it; 0 of nothing.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// Duration is a time.Duration that is a number of seconds in JSON.
type Duration time.Duration

// MarshalJSON gives seconds with a fraction.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(d).Seconds())
}
