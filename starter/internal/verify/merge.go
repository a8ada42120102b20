package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// errDisorder reports a table whose rows do not come in the order of order IDs,
// byte by byte, on which merging rests. The databases give this order for the
// IDs that the gateway makes, under every collation.
var errDisorder = errors.New("rows are not in the order of order IDs")

// merge reads all tables side by side and yields the rows of one order after
// the other, the smallest ID first. Rows of no order come first, under the ID
// "". It holds one page of each table.
func merge(ctx context.Context, s *source, checkpoint int64, yield func(*orderRows) error) error {
	var heads []*head
	defer func() {
		for _, h := range heads {
			h.stop()
		}
	}()
	for _, t := range orderTables() {
		h := openHead(ctx, s, t)
		heads = append(heads, h)
		if err := h.advance(); err != nil {
			return err
		}
	}
	for {
		id, left := smallest(heads)
		if !left {
			return nil
		}
		rows := &orderRows{id: id, checkpoint: checkpoint}
		for _, h := range heads {
			for !h.ended && h.row.orderID == id {
				h.row.addTo(rows)
				if err := h.advance(); err != nil {
					return err
				}
			}
		}
		if err := yield(rows); err != nil {
			return err
		}
	}
}

// head is the next row of a table.
type head struct {
	table table
	next  func() (json.RawMessage, error, bool)
	stop  func()
	row   row
	ended bool
}

func openHead(ctx context.Context, s *source, t table) *head {
	next, stop := iter.Pull2(s.pages(ctx, t.service, t.name, ""))
	return &head{table: t, next: next, stop: stop}
}

func (h *head) advance() error {
	raw, err, more := h.next()
	if !more {
		h.ended = true
		return nil
	}
	if err != nil {
		return err
	}
	before := h.row.orderID
	if h.row, err = h.table.decode(raw); err != nil {
		return err
	}
	if h.row.orderID < before {
		return fmt.Errorf("reading %s: %q after %q: %w", h.table, h.row.orderID, before, errDisorder)
	}
	return nil
}

// smallest is the next order ID; left is false at the end of all tables.
func smallest(heads []*head) (id string, left bool) {
	for _, h := range heads {
		if !h.ended && (!left || h.row.orderID < id) {
			id, left = h.row.orderID, true
		}
	}
	return id, left
}
