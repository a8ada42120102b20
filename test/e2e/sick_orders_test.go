package e2e_test

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/notification"
	"orderflow/services/order"
)

// views reads the orders that were accepted.
func (tr *traffic) views() []orderView {
	tr.t.Helper()
	var views []orderView
	for _, o := range tr.orders {
		if o.failure == "" {
			o.view = tr.settled(o.id)
			views = append(views, o.view)
		}
	}
	return views
}

// judge checks that nothing failed and that each order ended as its kind does,
// and that those which did not need what was sick did not wait for it.
func (tr *traffic) judge(o sickness, sick span, f *figures) {
	tr.t.Helper()
	tr.views()
	ends, repeats := map[order.Status]int{}, 0
	var placing, before, untouched, touched, late, after quantiles
	for _, sale := range tr.orders {
		placing, repeats = append(placing, sale.answered), repeats+sale.repeats
		if !assert.Empty(tr.t, sale.failure, "%s, %s", sale.kind.name, sale.id) ||
			!assert.Equal(tr.t, sale.end(), sale.view.Status, "%s, %s: %+v", sale.kind.name, sale.id, sale.view.Saga) {
			continue
		}
		require.NotZero(tr.t, sale.ended, sale.id)
		ends[sale.view.Status]++
		delay := sale.ended.Sub(sale.asked)
		switch {
		case sale.ended.Before(sick.from):
			before = append(before, delay)
		case sale.asked.After(sick.to):
			after = append(after, delay)
		case o.needed(sale.kind):
			touched = append(touched, delay)
			late = append(late, max(0, sale.ended.Sub(sick.to)))
		default:
			untouched = append(untouched, delay)
			assert.Less(tr.t, delay, mostWait, "%s needs nothing that is sick: %s", sale.kind.name, sale.id)
		}
	}
	shipped, undone := ends[order.Shipped], ends[order.Cancelled]
	f.add("orders", "%d: %d shipped, %d undone as they should, %d failed", len(tr.orders), shipped, undone, len(tr.orders)-shipped-undone)
	f.add("placement", "%v", placing)
	f.add("to its end, before", "%v", before)
	f.add("… during, not in need of it", "%v", untouched)
	f.add("… during, in need of it", "%v", touched)
	f.add("… counted from the recovery", "%v", late)
	f.add("… afterwards", "%v", after)
	var reads quantiles
	failed, readAgain := 0, 0
	for _, r := range tr.reads {
		reads, readAgain = append(reads, r.answered), readAgain+r.repeats
		if !assert.Empty(tr.t, r.failure, r.path) {
			failed++
		}
	}
	f.add("reads", "%v; %d failed", reads, failed)
	f.add("asked again, as told by a 503", "%d cancellations, %d reads", repeats, readAgain)
	told := tr.told()
	f.add("customers told", "of %d of %d ends", told, len(tr.orders))
	if !o.throughout {
		assert.Equal(tr.t, len(tr.orders), told)
	}
}

// told counts the orders of whose end a message has been queued.
func (tr *traffic) told() int {
	tr.t.Helper()
	wanted, told := map[string]bool{}, 0
	for _, o := range tr.orders {
		wanted[o.id] = true
	}
	eachRow(tr.operator, "notification", "message", func(message notification.MessageRow) {
		if wanted[message.OrderID] {
			told++
		}
	})
	return told
}

// end is how an order of its kind ends.
func (o *sale) end() order.Status {
	if o.repeats > 0 {
		return o.view.Status // nobody knows which of the requests was decided on
	}
	if o.kind.soldOut || o.kind.method != "pm_card_visa" || o.cancelled {
		return order.Cancelled
	}
	return order.Shipped
}
