package verify

import (
	"context"
	"maps"
	"slices"
)

// shelves are the stock of all products.
type shelves struct {
	byProduct map[string]*shelf
	// late are products whose stock was not known when it was read.
	late map[string]bool
}

// readShelves must come before the changes are read.
func readShelves(ctx context.Context, s *source) (*shelves, error) {
	rows, err := all[stockRow](ctx, s, inventoryService, "stock")
	if err != nil {
		return nil, err
	}
	shelves := &shelves{byProduct: make(map[string]*shelf, len(rows)), late: make(map[string]bool)}
	for _, row := range rows {
		shelves.byProduct[row.ProductID] = &shelf{row: row}
	}
	return shelves, nil
}

func (s *shelves) add(changes []stockChangeRow) {
	for _, change := range changes {
		if shelf := s.byProduct[change.ProductID]; shelf != nil {
			shelf.apply(change)
		} else {
			s.late[change.ProductID] = true
		}
	}
}

func (s *shelves) check(ctx context.Context, source *source, report *Report) error {
	for _, product := range slices.Sorted(maps.Keys(s.byProduct)) {
		s.byProduct[product].check(report)
	}
	if len(s.late) == 0 {
		return nil
	}
	// A product may have come meanwhile.
	now, err := readShelves(ctx, source)
	if err != nil {
		return err
	}
	for _, product := range slices.Sorted(maps.Keys(s.late)) {
		if now.byProduct[product] == nil {
			report.breach(Stock, "product "+product, "it has changes of stock, but no stock")
		}
	}
	return nil
}
