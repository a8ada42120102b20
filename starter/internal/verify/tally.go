package verify

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"orderflow/services/money"
)

// tally adds up what the report shows beside the verdicts.
type tally struct {
	// broken are orders whose history is.
	orders, shipped, cancelled, inFlight, blocked, broken int
	blockedIDs                                            []string
	settled                                               int
	// oldest is when the oldest order in flight was created.
	oldest time.Time

	// agreed is the part of refunded that was agreed on with customers.
	captured, refunded    amounts
	agreed                amounts
	transactions, entries int
	views                 int
	charges, shipments    int
	fences, compensated   int
	keyed, answers        int
}

func (t *tally) add(o *orderRows, h *history) {
	if len(o.events) == 0 {
		return
	}
	t.orders++
	switch {
	case !h.intact():
		t.broken++
	case h.end() == shipped:
		t.shipped++
	case h.end() == cancelled:
		t.cancelled++
		if len(h.settlements()) > 0 {
			t.settled++
		}
	case o.blocked(h):
		t.blocked++
		t.blockedIDs = append(t.blockedIDs, o.id)
	default:
		t.inFlight++
		if t.oldest.IsZero() || h.createdAt.Before(t.oldest) {
			t.oldest = h.createdAt
		}
	}
	agreed := o.agreedRefunds()
	for _, movement := range o.movements {
		if movement.Kind != refundKind {
			t.captured.add(movement.Amount)
			continue
		}
		t.refunded.add(movement.Amount)
		if agreed[movement.IdempotencyKey] {
			t.agreed.add(movement.Amount)
		}
	}
	t.charges += o.liveCharges()
	t.transactions += len(o.transactions)
	t.entries += len(o.entries)
	t.views += len(o.views)
	for _, consignment := range o.consignments {
		if consignment.State == "accepted" {
			t.shipments++
		}
	}
	if h.requestHash != "" {
		t.keyed++
	}
	for _, rows := range o.fences {
		t.fences += len(rows)
		for _, row := range rows {
			if row.State == "compensated" {
				t.compensated++
			}
			if !row.ConfirmedAt.IsZero() {
				t.answers++
			}
		}
	}
}

// amounts are sums of money, one for each currency.
type amounts map[string]money.Money

// add adds an amount. A sum that does not fit in 64 bits stays as it was: it is
// shown, and decides nothing.
func (a *amounts) add(amount money.Money) {
	if *a == nil {
		*a = make(amounts)
	}
	if sum, err := (*a)[amount.Currency].Add(amount); err == nil {
		(*a)[amount.Currency] = sum
	}
}

// String lists the sums by currency.
func (a amounts) String() string {
	if len(a) == 0 {
		return "nothing"
	}
	var parts []string
	for _, currency := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, a[currency].String())
	}
	return strings.Join(parts, " + ")
}

// MarshalJSON writes a list of amounts.
func (a amounts) MarshalJSON() ([]byte, error) {
	list := make([]money.Money, 0, len(a))
	for _, currency := range slices.Sorted(maps.Keys(a)) {
		list = append(list, a[currency])
	}
	return json.Marshal(list)
}

// summarise writes the figures into the report.
func (a *auditor) summarise() {
	t := &a.tally
	a.report.Orders = t.orders
	a.figures(Money, Figures{
		{"orders", t.orders}, {"captured", t.captured}, {"refunded", t.refunded}, {"agreed", t.agreed},
		{"ledgerTransactions", t.transactions}, {"ledgerEntries", t.entries},
	})
	stock := stockRow{}
	var initial, adjusted int64
	for _, shelf := range a.shelves.byProduct {
		stock.OnHand += shelf.row.OnHand
		stock.Reserved += shelf.row.Reserved
		stock.Shipped += shelf.row.Shipped
		initial += shelf.initial
		adjusted += shelf.adjusted
	}
	a.figures(Stock, Figures{
		{"products", len(a.shelves.byProduct)}, {"initial", initial}, {"adjustments", adjusted},
		{"onHand", stock.OnHand}, {"reserved", stock.Reserved}, {"shipped", stock.Shipped},
	})
	ends := Figures{{"shipped", t.shipped}, {"cancelled", t.cancelled}, {"inFlight", t.inFlight}, {"blocked", t.blocked}}
	if t.settled > 0 {
		ends = append(ends, Figure{"settledByOperator", t.settled})
	}
	if t.broken > 0 {
		ends = append(ends, Figure{"unknown", t.broken})
	}
	if t.inFlight > 0 {
		ends = append(ends, Figure{"oldestInFlight", t.oldest.Format(time.RFC3339)})
	}
	if len(t.blockedIDs) > 0 {
		ends = append(ends, Figure{"blockedOrders", t.blockedIDs[:min(len(t.blockedIDs), printedBreaches)]})
	}
	a.figures(End, ends)
	a.figures(Streams, Figures{{"streams", t.orders}, {"events", a.positions.events}, {"head", a.positions.head}})
	a.figures(Projection, Figures{
		{"views", t.views}, {"counters", a.readModel.rows}, {"customers", len(a.readModel.customers)},
		{"checkpoint", a.readModel.checkpoint},
	})
	a.figures(AtMostOne, Figures{{"liveCharges", t.charges}, {"liveShipments", t.shipments}})
	a.figures(Compensation, Figures{{"fenceRows", t.fences}, {"compensated", t.compensated}})
	a.figures(Idempotency, Figures{{"keyedOrders", t.keyed}, {"firstAnswers", t.answers}})
	if a.cfg.Expected != nil {
		a.figures(Acceptance, Figures{{"accepted", a.expected.total}})
	}
}

func (a *auditor) figures(number int, figures Figures) { a.report.Invariant(number).Figures = figures }
