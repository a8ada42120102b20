package verify

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

// readModel is the part of invariant 5 that concerns customers: the counters
// and the ordinals of their orders are what the events make.
type readModel struct {
	// checkpoint is how far the read model had come before its rows were read,
	// so that every row up to there must be there.
	checkpoint int64
	// head is the position of the last event before that: all orders up to
	// there are seen, so they can be numbered.
	head      int64
	customers map[string]*customerBook
	spans     map[int64]bool
	rows      int
}

// customerBook is what is known of a customer's orders. Of each counter that
// was read, what the orders make is taken off: zero is left at the end.
type customerBook struct {
	all    *countRow
	blocks map[blockKey]*countRow
	placed []placedOrder
	// broken says that the history of one of the orders cannot be trusted, so
	// that nothing can be said about the customer.
	broken bool
}

type blockKey struct{ span, block int64 }

type placedOrder struct{ position, ordinal int64 }

// readCounters must come after the checkpoint and the head were read, and
// before the events are.
func readCounters(ctx context.Context, s *source, checkpoint, head int64) (*readModel, error) {
	m := &readModel{checkpoint: checkpoint, head: head, customers: make(map[string]*customerBook), spans: make(map[int64]bool)}
	for _, name := range []string{"order_count", "order_count_block"} {
		rows, err := all[countRow](ctx, s, orderService, name)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			m.rows++
			book := m.book(row.CustomerID)
			if row.Span == 0 {
				book.all = &row
				continue
			}
			m.spans[row.Span] = true
			book.blocks[blockKey{row.Span, row.Block}] = &row
		}
	}
	return m, nil
}

func (m *readModel) book(customerID string) *customerBook {
	book := m.customers[customerID]
	if book == nil {
		book = &customerBook{blocks: make(map[blockKey]*countRow)}
		m.customers[customerID] = book
	}
	return book
}

// add counts one order.
func (m *readModel) add(o *orderRows, h *history, report *Report) {
	if !h.intact() {
		for _, summary := range o.summaries {
			m.book(summary.CustomerID).broken = true
		}
		if h.customerID != "" {
			m.book(h.customerID).broken = true
		}
		return
	}
	book := m.book(h.customerID)
	if book.all == nil {
		if h.createdPosition <= m.checkpoint {
			report.breach(Projection, o.id, "it is in none of the counters of customer %s", h.customerID)
		}
	} else {
		book.all.takeOff(statusAt(o.events, book.all.Checkpoint))
	}
	var ordinal int64
	if len(o.views) == 1 {
		ordinal = o.views[0].Ordinal
		m.addToBlocks(book, o, h, ordinal, report)
	}
	if h.createdPosition <= m.head {
		book.placed = append(book.placed, placedOrder{h.createdPosition, ordinal})
	}
}

func (m *readModel) addToBlocks(book *customerBook, o *orderRows, h *history, ordinal int64, report *Report) {
	for span := range m.spans {
		row := book.blocks[blockKey{span, ordinal / span}]
		if row == nil {
			if h.createdPosition <= m.checkpoint {
				report.breach(Projection, o.id, "it is in no block of %d counters of customer %s", span, h.customerID)
			}
			continue
		}
		row.takeOff(statusAt(o.events, row.Checkpoint))
	}
}

// statusAt is the status of an order as the events up to a position make it.
func statusAt(events []eventRow, position int64) string {
	h := replay(upTo(events, position))
	return h.status
}

func (r *countRow) takeOff(status string) {
	switch status {
	case draft:
		r.Draft--
	case confirmed:
		r.Confirmed--
	case shipped:
		r.Shipped--
	case cancelled:
		r.Cancelled--
	}
}

// check says what is left of the counters when all orders were added.
func (m *readModel) check(report *Report) {
	for _, customerID := range slices.Sorted(maps.Keys(m.customers)) {
		book := m.customers[customerID]
		if book.broken {
			continue
		}
		subject := "customer " + customerID
		if book.all != nil {
			book.all.check(report, subject, "the counters")
		}
		for _, key := range slices.SortedFunc(maps.Keys(book.blocks), func(a, b blockKey) int {
			return cmp.Or(cmp.Compare(a.span, b.span), cmp.Compare(a.block, b.block))
		}) {
			book.blocks[key].check(report, subject, "a block of counters")
		}
		slices.SortFunc(book.placed, func(a, b placedOrder) int { return cmp.Compare(a.position, b.position) })
		for i, placed := range book.placed {
			if placed.ordinal != 0 && placed.ordinal != int64(i+1) {
				report.breach(Projection, subject, "the order of position %d is number %d of the customer, but has the ordinal %d",
					placed.position, i+1, placed.ordinal)
			}
		}
	}
}

func (r *countRow) check(report *Report, subject, what string) {
	if r.Draft != 0 || r.Confirmed != 0 || r.Shipped != 0 || r.Cancelled != 0 {
		report.breach(Projection, subject, "%s up to position %d are off by %+d draft, %+d confirmed, %+d shipped, %+d cancelled",
			what, r.Checkpoint, r.Draft, r.Confirmed, r.Shipped, r.Cancelled)
	}
}
