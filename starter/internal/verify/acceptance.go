package verify

import (
	"context"
	"maps"
	"slices"
)

// expectations is invariant 9, as far as a client's own record goes: every
// order that it saw accepted exists, with the goods that it ordered.
type expectations struct {
	missing map[string]Expectation
	total   int
}

func expect(orders map[string]Expectation) expectations {
	return expectations{missing: maps.Clone(orders), total: len(orders)}
}

func (e *expectations) seen(o *orderRows, h *history, report *Report) {
	want, expected := e.missing[o.id]
	if !expected || len(o.events) == 0 {
		return
	}
	delete(e.missing, o.id)
	if !h.intact() {
		return
	}
	if h.customerID != want.CustomerID || !maps.Equal(h.quantities(), want.Quantities) {
		report.breach(Acceptance, o.id, "it is another order than %s", want.Label)
	}
}

// check looks once more for orders that were not met: they may have come since.
func (e *expectations) check(ctx context.Context, s *source, report *Report) error {
	for _, id := range slices.Sorted(maps.Keys(e.missing)) {
		rows, err := s.order(ctx, id)
		if err != nil {
			return err
		}
		if len(rows.events) == 0 {
			report.breach(Acceptance, id, "%s was accepted, but does not exist", e.missing[id].Label)
			continue
		}
		h := replay(rows.events)
		e.seen(rows, &h, report)
	}
	return nil
}
