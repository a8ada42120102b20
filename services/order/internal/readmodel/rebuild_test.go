package readmodel

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"orderflow/services/order"
)

func TestRebuildMakesTheSameRows(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(100)
		projector := h.projector()
		h.catchUp(projector)
		before := h.rows()
		projector.batch = 7
		require.NoError(t, h.rebuild(projector))
		assert.Equal(t, before, h.rows())
		assert.Equal(t, []int64{2}, h.generations(), "the old generation is gone")

		h.happens(20)
		h.catchUp(projector)
		assert.Equal(t, h.replayed(), h.rows(), "the projector goes on with the new rows")
	})
}

func TestRebuildRepairsDamagedRows(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(50)
		h.catchUp(h.projector())
		h.edit(`DELETE FROM order_view`)
		h.edit(`UPDATE order_count SET draft = draft + 7`)
		h.edit(`UPDATE order_summary SET status = 'draft'`)
		require.NoError(t, h.rebuild(h.projector()))
		assert.Equal(t, h.replayed(), h.rows())
	})
}

// Beside a rebuild events are written, projected and read. No reader may see an
// order that it has seen before disappear or go back.
func TestReadersSeeNoGapDuringARebuild(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(60)
		h.catchUp(h.projector())
		h.append(h.creates("cust-1"))
		h.catchUp(h.projector())

		ctx, stop := context.WithCancel(t.Context())
		var beside errgroup.Group
		projector := h.projector()
		beside.Go(func() error {
			for ctx.Err() == nil {
				if _, err := projector.RunOnce(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
		watched := append([]string(nil), h.orders...)
		beside.Go(func() error { return watchOrders(ctx, h, watched) })

		rebuilding := h.projector()
		rebuilding.batch = 50
		beside.Go(func() error {
			defer stop()
			for range 3 {
				if err := h.rebuild(rebuilding); err != nil {
					return err
				}
			}
			return nil
		})
		for ctx.Err() == nil {
			h.happens(1)
		}
		require.NoError(t, beside.Wait())
		h.catchUp(projector)
		assert.Equal(t, h.replayed(), h.rows())
		assert.Equal(t, []int64{4}, h.generations())
	})
}

// watchOrders reads again and again, and reports what went backwards.
func watchOrders(ctx context.Context, h *history, ids []string) error {
	views := NewViews(h.db)
	seen := make(map[string]int64)
	total := int64(0)
	for ctx.Err() == nil {
		for _, id := range ids {
			view, found, err := views.Find(h.t.Context(), id)
			if err != nil {
				return err
			}
			if !found || view.Version < seen[id] {
				return fmt.Errorf("order %s: found %t at version %d after version %d", id, found, view.Version, seen[id])
			}
			seen[id] = view.Version
		}
		listed, err := readList(h, views)
		if err != nil {
			return err
		}
		if listed < total {
			return fmt.Errorf("%d orders of the customer after %d", listed, total)
		}
		total = listed
	}
	return nil
}

// readList goes through all pages of a customer's list, and counts the orders.
// Each must be there, newest first, from the first page's end down to the
// customer's first order.
func readList(h *history, views *Views) (int64, error) {
	query := order.ListQuery{CustomerID: "cust-1", Page: 1, Limit: 5}
	last, left := "order-9999", int64(1)
	for ; left > 0; query.Page++ {
		page, err := views.Page(h.t.Context(), query)
		if err != nil {
			return 0, err
		}
		if query.UpTo == 0 {
			query.UpTo, left = page.UpTo, page.Total
		}
		for _, item := range page.Items {
			if item.OrderID >= last {
				return 0, fmt.Errorf("%s comes after %s on page %d", item.OrderID, last, query.Page)
			}
			last = item.OrderID
		}
		left -= int64(len(page.Items))
		if len(page.Items) == 0 && left > 0 {
			return 0, fmt.Errorf("page %d is empty, and %d orders are missing", query.Page, left)
		}
	}
	return query.UpTo, nil
}

func TestARebuildThatDiesGoesOnWhereItWas(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		errCrash := errors.New("crash")
		h.happens(40)
		projector := h.projector()
		h.catchUp(projector)
		before := h.rows()

		projector.batch = 5
		_, err := h.rebuilder(projector).Request(t.Context())
		require.NoError(t, err)
		for died := range int64(3) {
			batches := 0
			projector.beforeCommit = func() error {
				if batches++; batches > 2 {
					return errCrash
				}
				return nil
			}
			require.ErrorIs(t, h.rebuilder(projector).rebuild(t.Context()), errCrash)
			assert.Equal(t, before, h.rows())
			assert.Equal(t, []int64{1, 2}, h.generations())
			assert.Equal(t, &order.Rebuild{State: order.RebuildRunning, Position: 10 * (died + 1), StartedAt: noon}, h.projection().Rebuild)
		}

		projector.beforeCommit = func() error { return nil }
		require.NoError(t, h.rebuilder(projector).rebuild(t.Context()))
		assert.Equal(t, before, h.rows())
		assert.Equal(t, []int64{2}, h.generations())
	})
}

func TestWhatARebuildLeftBehindIsRemoved(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(40)
		h.catchUp(h.projector())
		before := h.rows()
		h.edit(`INSERT INTO projection (generation, live, position) VALUES (5, 0, 0)`)
		_, err := h.projector().advance(t.Context(), checkpoint{generation: 5})
		require.NoError(t, err)
		require.NoError(t, h.rebuilder(h.projector()).rebuild(t.Context()), "none is asked for")
		assert.Equal(t, []int64{1}, h.generations())
		assert.Equal(t, before, h.rows())
	})
}

func TestWhoIsLateLeavesTheRebuildToTheOther(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(40)
		h.catchUp(h.projector())
		before := h.rows()
		slow, fast := h.rebuilder(h.projector()), h.rebuilder(h.projector())
		slow.projector.batch = 5
		_, err := slow.Request(t.Context())
		require.NoError(t, err)
		next, err := slow.begin(t.Context())
		require.NoError(t, err)
		_, err = slow.projector.advance(t.Context(), next)
		require.NoError(t, err)

		require.NoError(t, fast.rebuild(t.Context()))
		next.position += 5
		require.ErrorIs(t, slow.fill(t.Context(), next), errTakenOver)
		_, err = slow.swap(t.Context(), checkpoint{generation: next.generation, position: 1_000})
		require.ErrorIs(t, err, errTakenOver)
		assert.Equal(t, order.RebuildDone, h.projection().Rebuild.State)
		assert.Equal(t, before, h.rows())
	})
}

// However many work at one rebuild, one of them takes it to its end.
func TestManyAtOneRebuildBringItToItsEnd(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(100)
		h.catchUp(h.projector())
		before := h.rows()
		for round := range int64(5) {
			_, err := h.rebuilder(h.projector()).Request(t.Context())
			require.NoError(t, err)
			var together errgroup.Group
			for range 4 {
				together.Go(func() error {
					projector := h.projector()
					projector.batch = 3
					err := h.rebuilder(projector).rebuild(t.Context())
					if errors.Is(err, errTakenOver) {
						return nil
					}
					return err
				})
			}
			require.NoError(t, together.Wait())
			assert.Equal(t, order.RebuildDone, h.projection().Rebuild.State)
			assert.Equal(t, []int64{round + 2}, h.generations())
			assert.Equal(t, before, h.rows())
		}
	})
}

func TestARebuildThatHasFailedIsNotSwappedIn(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		rebuilder := h.rebuilder(h.projector())
		_, err := rebuilder.Request(t.Context())
		require.NoError(t, err)
		next, err := rebuilder.begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, rebuilder.fail(t.Context(), next, errors.New("another process met poison")))
		_, err = rebuilder.swap(t.Context(), next)
		require.ErrorIs(t, err, errTakenOver)
		assert.EqualValues(t, 1, h.projection().Generation)
	})
}

func TestAGenerationThatIsBehindIsNotSwappedIn(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(10)
		h.catchUp(h.projector())
		rebuilder := h.rebuilder(h.projector())
		_, err := rebuilder.Request(t.Context())
		require.NoError(t, err)
		next, err := rebuilder.begin(t.Context())
		require.NoError(t, err)
		swapped, err := rebuilder.swap(t.Context(), next)
		require.NoError(t, err)
		assert.False(t, swapped)
	})
}

// rebuild asks for a rebuild and takes it to its end.
func (h *history) rebuild(p *Projector) error {
	rebuilder := h.rebuilder(p)
	if _, err := rebuilder.Request(h.t.Context()); err != nil {
		return err
	}
	return rebuilder.rebuild(h.t.Context())
}

func (h *history) rebuilder(p *Projector) *Rebuilder {
	return NewRebuilder(p, func() time.Time { return noon }, zap.NewNop())
}

func (h *history) projection() order.Projection {
	projection, err := h.rebuilder(h.projector()).Projection(h.t.Context())
	require.NoError(h.t, err)
	return projection
}

func (h *history) generations() (all []int64) {
	rows, err := h.db.Reader().QueryContext(h.t.Context(), `
		SELECT generation FROM projection
		UNION SELECT generation FROM order_view
		UNION SELECT generation FROM order_summary
		UNION SELECT generation FROM order_count
		UNION SELECT generation FROM order_count_block
		ORDER BY 1`)
	require.NoError(h.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var generation int64
		require.NoError(h.t, rows.Scan(&generation))
		all = append(all, generation)
	}
	require.NoError(h.t, rows.Err())
	return all
}
