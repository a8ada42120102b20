package importer

import (
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"

	"orderflow/internal/problem"
	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
)

// NoFailedStep is the reason of a cancelled order none of whose steps failed:
// somebody asked for the cancellation.
const NoFailedStep = "cancelled on request"

// origin says which import placed an order.
type origin int

const (
	thisImport origin = iota
	earlier
)

// orderEnd is an order that came to its end, is blocked or waits for a fix.
type orderEnd struct {
	at       Place
	line     *dataset.Order
	order    gatewayclient.Order
	took     time.Duration
	placedBy origin
}

// tally collects what became of the lines. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex
	result Summary
	done   int
	totals map[string]*CurrencyTotals
	// seen holds the orders that are counted, because two lines may name one.
	seen  map[string]struct{}
	times []time.Duration
}

func newTally(totalLines int) *tally {
	return &tally{
		result: Summary{
			TotalLines: totalLines,
			Orders:     OrderCounts{CancelledBy: map[string]int{}, RefusedBy: map[string]int{}},
			Mismatches: []Mismatch{},
		},
		totals: map[string]*CurrencyTotals{},
		seen:   map[string]struct{}{},
	}
}

func (t *tally) malformed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	t.result.Malformed++
}

func (t *tally) firstStock(set bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if set {
		t.result.FirstStock.Set++
	} else {
		t.result.FirstStock.Kept++
	}
}

// written counts a product or a customer.
func (t *tally) written(record dataset.Record, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	counts := &t.result.Products
	if _, ok := record.(*dataset.Customer); ok {
		counts = &t.result.Customers
	}
	switch {
	case err == nil:
		counts.Written++
	case gatewayclient.Refused(err):
		counts.Refused++
	default:
		counts.Unanswered++
	}
}

// orderFailed counts an order that was refused or has no answer.
func (t *tally) orderFailed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	orders := &t.result.Orders
	orders.Total++
	if gatewayclient.Refused(err) {
		orders.Refused++
		orders.RefusedBy[string(problem.CodeOf(err))]++
		return
	}
	orders.Unanswered++
}

// orderEnded counts an order and returns what is wrong with its total.
func (t *tally) orderEnded(end orderEnd) *Mismatch {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	orders := &t.result.Orders
	orders.Total++
	switch {
	case end.order.Blocked():
		orders.Blocked++
	case waits(end.order):
		orders.Waiting++
	case end.order.Status == gatewayclient.StatusShipped:
		orders.Shipped++
	default:
		orders.Cancelled++
		reason := NoFailedStep
		if step, found := end.order.FailedStep(); found {
			reason = step.Name
		}
		orders.CancelledBy[reason]++
	}

	_, again := t.seen[end.order.OrderID]
	t.seen[end.order.OrderID] = struct{}{}
	if end.placedBy == earlier || again {
		orders.AlreadyThere++
	} else {
		orders.PlacedNow++
		if !end.order.Blocked() && !waits(end.order) {
			t.times = append(t.times, end.took)
		}
	}
	if !again {
		t.addTotal(end.order)
	}
	mismatch := mismatchOf(end)
	if mismatch != nil {
		t.result.Mismatches = append(t.result.Mismatches, *mismatch)
	}
	return mismatch
}

func (t *tally) addTotal(order gatewayclient.Order) {
	total := order.TotalAmount
	sums, found := t.totals[total.Currency]
	if !found {
		sums = &CurrencyTotals{
			Currency: total.Currency,
			Orders:   new(big.Int), Shipped: new(big.Int), Cancelled: new(big.Int),
		}
		t.totals[total.Currency] = sums
	}
	// A sum over many orders may pass 64 bits although each total fits.
	amount := big.NewInt(total.Amount)
	sums.Orders.Add(sums.Orders, amount)
	switch {
	case order.Blocked(), waits(order):
	case order.Status == gatewayclient.StatusShipped:
		sums.Shipped.Add(sums.Shipped, amount)
	default:
		sums.Cancelled.Add(sums.Cancelled, amount)
	}
}

func mismatchOf(end orderEnd) *Mismatch {
	expected, total := end.line.ExpectedTotal, end.order.TotalAmount
	if expected == nil {
		return nil
	}
	currency := end.line.Currency
	if currency == "" {
		currency = total.Currency
	}
	if *expected == total.Amount && currency == total.Currency {
		return nil
	}
	return &Mismatch{
		Place: end.at, Reference: end.line.Reference, OrderID: end.order.OrderID,
		Expected: *expected, ExpectedCurrency: currency,
		Actual: total.Amount, ActualCurrency: total.Currency,
	}
}

func (t *tally) counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.result
	return Counts{
		Lines:     t.done,
		Shipped:   r.Orders.Shipped,
		Cancelled: r.Orders.Cancelled,
		Failed:    r.Malformed + r.Products.failed() + r.Customers.failed() + r.Orders.Refused + r.Orders.Unanswered,
	}
}

// summary is called once, when nothing is in flight any more.
func (t *tally) summary(elapsed time.Duration) Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	result := t.result
	result.Lines = t.done
	result.Elapsed = Duration(elapsed)
	result.Latency = latencyOf(t.times)
	result.Totals = []CurrencyTotals{}
	for _, currency := range slices.Sorted(maps.Keys(t.totals)) {
		result.Totals = append(result.Totals, *t.totals[currency])
	}
	slices.SortFunc(result.Mismatches, func(a, b Mismatch) int { return a.compare(b.Place) })
	return result
}
