package readmodel

import (
	"slices"

	"orderflow/services/order"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// row is one order in the read model.
type row struct {
	view order.View
	// ordinal counts the orders of its customer, from 1; 0 until it is numbered.
	ordinal int64
	// storedStatus and storedVersion are what the database holds; "" and 0 for
	// a new order.
	storedStatus  order.Status
	storedVersion int64
}

// batch folds consecutive events in memory, so that an order is written once
// for all of them.
type batch struct {
	rows     map[string]*row
	created  []*row // oldest first
	position int64
}

// unseen returns the orders whose rows must be loaded before the events can be
// folded: those that were created before the batch.
func unseen(events []eventstore.Recorded) []string {
	first := make(map[string]bool)
	var ids []string
	for _, event := range events {
		id := event.Stream.ID
		if !first[id] && event.Version > 1 {
			ids = append(ids, id)
		}
		first[id] = true
	}
	return ids
}

// newBatch starts after a checkpoint with the rows that were loaded.
func newBatch(checkpoint int64, loaded map[string]*row) *batch {
	return &batch{rows: loaded, position: checkpoint}
}

// add folds one more event. After an error the batch is as it was before.
func (b *batch) add(codec *eventcodec.Codec, event eventstore.Recorded) error {
	known := b.rows[event.Stream.ID]
	if known == nil {
		known = new(row)
	}
	view, err := evolve(codec, known.view, event)
	if err != nil {
		return err
	}
	known.view = view
	if view.Version == 1 {
		b.created = append(b.created, known)
	}
	b.rows[event.Stream.ID] = known
	b.position = event.Position
	return nil
}

// unnumbered returns the customers of the new orders.
func (b *batch) unnumbered() []string {
	customers := make([]string, len(b.created))
	for i, r := range b.created {
		customers[i] = r.view.CustomerID
	}
	slices.Sort(customers)
	return slices.Compact(customers)
}

// number gives the new orders their ordinals. Orders says how many each of
// their customers had before; number changes it.
func (b *batch) number(orders map[string]int64) {
	for _, r := range b.created {
		orders[r.view.CustomerID]++
		r.ordinal = orders[r.view.CustomerID]
	}
}

// changed returns the IDs of the orders in a fixed order, so that two
// projectors take their locks in the same one.
func (b *batch) changed() []string {
	ids := make([]string, 0, len(b.rows))
	for id, r := range b.rows {
		if r.view.Version != r.storedVersion {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
