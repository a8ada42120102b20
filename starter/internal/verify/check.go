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

// unknownOrder judges rows of an order that has no history. Effects may have
// come without one, such as from a caller that is not the saga; the reconciler
// undoes them, and then only what is undone is left.
func (b *breaches) unknownOrder(o *orderRows) {
	if len(o.views)+len(o.summaries) > 0 {
		b.add(Projection, "the read model shows an order that has no events")
	}
	if live := o.liveEffects(); live > 0 {
		b.add(End, "%d effects at other services belong to an order that has no events", live)
	}
}

// liveEffects counts what other services have done for an order and have not
// undone.
func (o *orderRows) liveEffects() int {
	live := o.liveCharges() + len(o.messages)
	for _, reservation := range o.reservations {
		if reservation.State != "released" {
			live++
		}
	}
	for _, consignment := range o.consignments {
		if consignment.State == "accepted" {
			live++
		}
	}
	for _, rows := range o.fences {
		for _, fence := range rows {
			if fence.State != "compensated" {
				live++
			}
		}
	}
	return live
}
