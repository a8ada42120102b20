package verify

import (
	"maps"
	"slices"
)

// holding is what an order has of one product.
type holding struct{ held, released, committed int64 }

// stock is the part of invariant 2 that concerns one order: what it holds is
// what it ordered, and nothing is held any more when it has ended. An order in
// flight may hold any part of it, as may one whose release an operator has
// settled.
func (b *breaches) stock(o *orderRows, h *history) {
	ordered := h.quantities()
	holdings := make(map[string]*holding)
	of := func(product string) *holding {
		if holdings[product] == nil {
			holdings[product] = new(holding)
		}
		return holdings[product]
	}
	for _, reservation := range o.reservations {
		switch reservation.State {
		case "held":
			of(reservation.ProductID).held += reservation.Quantity
		case "released":
			of(reservation.ProductID).released += reservation.Quantity
		case "committed":
			of(reservation.ProductID).committed += reservation.Quantity
		}
	}
	for product := range ordered {
		of(product)
	}
	changes := changesOf(o.changes)
	for product := range changes {
		of(product)
	}
	for _, product := range slices.Sorted(maps.Keys(holdings)) {
		b.product(h, product, ordered[product], *holdings[product], changes[product])
	}
}

// changesOf derives the same from the changes of stock.
func changesOf(rows []stockChangeRow) map[string]holding {
	changes := make(map[string]holding)
	for _, change := range rows {
		of := changes[change.ProductID]
		switch change.Kind {
		case "reserve":
			of.held += change.Quantity
		case "release":
			of.held -= change.Quantity
			of.released += change.Quantity
		case "commit":
			of.held -= change.Quantity
			of.committed += change.Quantity
		case "return":
			of.committed -= change.Quantity
			of.released += change.Quantity
		}
		changes[change.ProductID] = of
	}
	return changes
}

func (b *breaches) product(h *history, product string, ordered int64, has, moved holding) {
	if has != moved {
		b.add(Stock, "of %s it has %d held, %d released and %d committed, but the stock moved by %d, %d and %d",
			product, has.held, has.released, has.committed, moved.held, moved.released, moved.committed)
		return
	}
	switch {
	case h.end() == shipped && (has.held != 0 || has.committed != ordered):
		b.add(Stock, "it is shipped with %d of %s, but holds %d and took %d off the shelf", ordered, product, has.held, has.committed)
	case h.end() == cancelled && (has.held != 0 && !h.settled(releaseInventory) || has.committed != 0):
		b.add(Stock, "it is cancelled, but holds %d of %s and took %d off the shelf", has.held, product, has.committed)
	case has.held < 0 || has.held+has.committed > ordered:
		b.add(Stock, "it ordered %d of %s, but holds %d and took %d off the shelf", ordered, product, has.held, has.committed)
	}
}

// shelf is one product's stock: the row, and the figures that its changes make.
type shelf struct {
	row stockRow
	// folded is made of the changes up to the row's version, which exist since
	// the row was read and never change: the two can be compared exactly,
	// whatever happens meanwhile.
	folded                    stockRow
	initial, adjusted, counts int64
}

func (s *shelf) apply(change stockChangeRow) {
	if change.Version > s.row.Version {
		return
	}
	s.counts++
	quantity := change.Quantity
	switch change.Kind {
	case "initial":
		s.initial += quantity
		s.folded.OnHand += quantity
	case "adjustment":
		s.adjusted += quantity
		s.folded.OnHand += quantity
	case "reserve":
		s.folded.Reserved += quantity
	case "release":
		s.folded.Reserved -= quantity
	case "commit":
		s.folded.OnHand -= quantity
		s.folded.Reserved -= quantity
		s.folded.Shipped += quantity
	case "return":
		s.folded.OnHand += quantity
		s.folded.Shipped -= quantity
	}
}

// check is the part of invariant 2 that concerns one product: initial +
// adjustments = on hand + shipped, 0 ≤ reserved ≤ on hand, and every figure is
// the sum of its changes.
func (s *shelf) check(report *Report) {
	row, subject := s.row, "product "+s.row.ProductID
	if s.counts != row.Version {
		report.breach(Stock, subject, "it has changed %d times, but there are %d changes", row.Version, s.counts)
		return
	}
	if s.initial+s.adjusted != row.OnHand+row.Shipped {
		report.breach(Stock, subject, "initial %d and adjustments of %d are not on hand %d and shipped %d",
			s.initial, s.adjusted, row.OnHand, row.Shipped)
		return
	}
	if row.Reserved < 0 || row.Reserved > row.OnHand {
		report.breach(Stock, subject, "%d are reserved of %d on hand", row.Reserved, row.OnHand)
		return
	}
	if s.folded.OnHand != row.OnHand || s.folded.Reserved != row.Reserved || s.folded.Shipped != row.Shipped {
		report.breach(Stock, subject, "on hand %d, reserved %d, shipped %d, but its changes make %d, %d, %d",
			row.OnHand, row.Reserved, row.Shipped, s.folded.OnHand, s.folded.Reserved, s.folded.Shipped)
	}
}
