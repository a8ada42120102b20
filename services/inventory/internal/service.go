package internal

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/inventory"
)

// Service holds the rules of stock.
type Service struct {
	db  *sqlstore.DB
	now func() time.Time
}

// NewService returns a service over an opened database.
func NewService(db *sqlstore.DB, now func() time.Time) *Service {
	return &Service{db: db, now: now}
}

// Reserve holds every line or none. problem.OutOfStock names the first
// product that is short; the fence's errors are those of fence.Act.
func (s *Service) Reserve(ctx context.Context, request inventory.ReserveRequest) (inventory.Reservation, error) {
	lines := merge(request.Lines)
	var reservation inventory.Reservation
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now := s.now()
		reservation, err = fence.Act(ctx, tx, request.Key, lines, now, func() (inventory.Reservation, error) {
			for _, line := range lines {
				if err := s.hold(ctx, tx, request.Key, line, now); err != nil {
					return inventory.Reservation{}, err
				}
			}
			return inventory.Reservation{OrderID: request.Key.OrderID, Lines: lines}, nil
		})
		return err
	})
	return reservation, err
}

func (s *Service) hold(ctx context.Context, tx *sql.Tx, key fence.Key, line inventory.Line, now time.Time) error {
	err := apply(ctx, tx, change{
		productID: line.ProductID, kind: reserved, quantity: line.Quantity,
		reserved: line.Quantity, orderID: key.OrderID, at: now,
	})
	if errors.Is(err, errShort) {
		return outOfStock(line)
	}
	if err != nil {
		return err
	}
	return insertReservation(ctx, tx, key, line, now)
}

// outOfStock does not say how much there is: customers read it.
func outOfStock(line inventory.Line) error {
	return problem.Newf(problem.OutOfStock, "%d of product %s were asked for, fewer are available", line.Quantity, line.ProductID)
}

// Release undoes Reserve: what was taken under the key becomes available again,
// whether it is held or was committed meanwhile. Of a key that was never seen it
// leaves a tombstone.
func (s *Service) Release(ctx context.Context, request inventory.ReleaseRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		seen, err := fence.Compensate(ctx, tx, request.Key, now)
		if err != nil || seen.State != fence.Confirmed {
			return err
		}
		taken, err := takenUnder(ctx, tx, request.Key)
		if err != nil {
			return err
		}
		for _, line := range taken {
			undone := change{productID: line.ProductID, quantity: line.Quantity, orderID: request.Key.OrderID, at: now}
			if line.committed {
				undone.kind, undone.onHand, undone.shipped = returned, line.Quantity, -line.Quantity
			} else {
				undone.kind, undone.reserved = released, -line.Quantity
			}
			if err := apply(ctx, tx, undone); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(taken, func(line takenLine) bool { return line.committed }) {
			if err := closeCommits(ctx, tx, request.Key.OrderID, now); err != nil {
				return err
			}
		}
		return settleUnder(ctx, tx, request.Key)
	})
}

// closeCommits undoes the order's commits in the fence, so that none is answered
// again as if it stood.
func closeCommits(ctx context.Context, tx *sql.Tx, orderID string, now time.Time) error {
	commits, err := commitsOf(ctx, tx, orderID)
	if err != nil {
		return err
	}
	for _, key := range commits {
		if _, err := fence.Compensate(ctx, tx, key, now); err != nil {
			return err
		}
	}
	return nil
}

// Commit takes what the order holds off the shelf. problem.Conflict when it
// holds nothing; problem.AlreadyCompensated when what was committed has been
// released.
func (s *Service) Commit(ctx context.Context, request inventory.CommitRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		_, err := fence.Act(ctx, tx, request.Key, struct{}{}, now, func() (struct{}, error) {
			held, err := heldBy(ctx, tx, request.Key.OrderID)
			if err != nil {
				return struct{}{}, err
			}
			if len(held) == 0 {
				return struct{}{}, problem.New(problem.Conflict, "the order holds no stock that could be committed")
			}
			for _, line := range held {
				err := apply(ctx, tx, change{
					productID: line.ProductID, kind: committed, quantity: line.Quantity,
					onHand: -line.Quantity, reserved: -line.Quantity, shipped: line.Quantity,
					orderID: request.Key.OrderID, at: now,
				})
				if err != nil {
					return struct{}{}, err
				}
			}
			return struct{}{}, settleBy(ctx, tx, request.Key.OrderID)
		})
		return err
	})
}

// Stock returns a product's figures, or problem.NotFound.
func (s *Service) Stock(ctx context.Context, productID string) (inventory.Stock, error) {
	return findStock(ctx, s.db.Reader(), productID)
}

// SetOnHand records a count; created tells whether it was the first. With
// onlyFirst an existing product is left alone: problem.Conflict.
// problem.Conflict also when the count is below what is reserved.
func (s *Service) SetOnHand(ctx context.Context, count inventory.StockCount, onlyFirst bool) (stock inventory.Stock, created bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		created = false
		now := s.now()
		found, err := findStock(ctx, tx, count.ProductID)
		switch {
		case problem.CodeOf(err) == problem.NotFound:
			created = true
			if err := insertStock(ctx, tx, count, now); err != nil {
				return err
			}
		case err != nil:
			return err
		case onlyFirst:
			return problem.Newf(problem.Conflict, "stock of product %s has been counted before", count.ProductID)
		case found.OnHand != count.OnHand:
			difference := count.OnHand - found.OnHand
			err := apply(ctx, tx, change{
				productID: count.ProductID, kind: adjustment, quantity: difference, onHand: difference, at: now,
			})
			if errors.Is(err, errShort) {
				return problem.Newf(problem.Conflict, "%d of product %s are reserved; on hand cannot be less", found.Reserved, count.ProductID)
			}
			if err != nil {
				return err
			}
		}
		stock, err = findStock(ctx, tx, count.ProductID)
		return err
	})
	return stock, created, err
}

// merge adds up lines of one product and sorts by product, which is also the
// order in which rows are locked. The quantities were checked not to overflow.
func merge(lines []inventory.Line) []inventory.Line {
	merged := make([]inventory.Line, 0, len(lines))
	for _, line := range lines {
		at := slices.IndexFunc(merged, func(m inventory.Line) bool { return m.ProductID == line.ProductID })
		if at < 0 {
			merged = append(merged, line)
			continue
		}
		merged[at].Quantity += line.Quantity
	}
	slices.SortFunc(merged, func(a, b inventory.Line) int { return strings.Compare(a.ProductID, b.ProductID) })
	return merged
}
