package verify

import "fmt"

// breaches collects what is wrong with one order.
type breaches struct {
	found []orderBreach
}

type orderBreach struct {
	invariant int
	detail    string
}

func (b *breaches) add(invariant int, format string, args ...any) {
	b.found = append(b.found, orderBreach{invariant, fmt.Sprintf(format, args...)})
}

// judge checks all rows of one order. It keeps nothing, so that the same order
// can be read and judged again.
func judge(o *orderRows, h *history, atRest bool) []orderBreach {
	var b breaches
	if len(o.events) == 0 {
		b.unknownOrder(o)
		return b.found
	}
	for _, fault := range h.faults {
		b.add(Streams, "%s", fault)
	}
	if !h.intact() {
		return b.found
	}
	b.money(o, h, atRest)
	b.stock(o, h)
	b.end(o, h, atRest)
	b.projection(o)
	b.atMostOne(o, h)
	b.compensation(o, h)
	b.idempotency(o, h)
	return b.found
}

// unknownOrder judges rows of an order that has no history.
func (b *breaches) unknownOrder(o *orderRows) {
	if len(o.views)+len(o.summaries) > 0 {
		b.add(Projection, "the read model shows an order that has no events")
	}
	effects := len(o.changes) + len(o.reservations) + len(o.charges) + len(o.refunds) + len(o.transactions) + len(o.entries) +
		len(o.providerCharges) + len(o.providerRefunds) + len(o.movements) + len(o.shipments) + len(o.consignments) + len(o.messages)
	for _, rows := range o.fences {
		effects += len(rows)
	}
	if effects > 0 {
		b.add(End, "%d rows of other services belong to an order that has no events", effects)
	}
}
