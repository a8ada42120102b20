package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

func TestRowsEqualAReplayFromZero(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		projector := h.projector()
		for _, batch := range []int{1, 2, 7, 50} {
			projector.batch = batch
			h.happens(40)
			h.catchUp(projector)
		}
		require.Equal(t, h.replayed(), h.rows())
	})
}

// The rows also agree with what needs no projector at all.
func TestRowsEqualTheStreamsAndTheStatuses(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(120)
		h.catchUp(h.projector())
		views := NewViews(h.db)
		counted := make(map[string]map[order.Status]int64)
		for _, id := range h.orders {
			view, found, err := views.Find(t.Context(), id)
			require.NoError(t, err)
			require.True(t, found)
			recorded, err := h.events.Load(t.Context(), h.events.Reader(), eventstore.Stream{Type: domain.AggregateType, ID: id})
			require.NoError(t, err)
			folded, err := View(h.codec, recorded)
			require.NoError(t, err)
			assert.Equal(t, folded, view)
			assert.Equal(t, h.status[id], view.Status)
			assert.EqualValues(t, len(recorded), view.Version)
			if counted[view.CustomerID] == nil {
				counted[view.CustomerID] = make(map[order.Status]int64)
			}
			counted[view.CustomerID][view.Status]++
		}
		for customer, byStatus := range counted {
			for _, status := range statuses {
				page, err := views.Page(t.Context(), order.ListQuery{CustomerID: customer, Status: status, Page: 1, Limit: 100})
				require.NoError(t, err)
				assert.Equal(t, byStatus[status], page.Total, "%s of %s", status, customer)
				assert.Len(t, page.Items, int(byStatus[status]))
			}
		}
	})
}

// A transaction that dies leaves neither rows nor checkpoint.
func TestACrashInTheMiddleLosesAndRepeatsNothing(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		errCrash := errors.New("crash")
		projector := h.projector()
		projector.batch = 3
		for range 100 {
			h.happens(1 + h.random.IntN(3))
			crashes := h.random.IntN(2) == 0
			projector.beforeCommit = func() error {
				if crashes {
					return errCrash
				}
				return nil
			}
			_, err := projector.RunOnce(t.Context())
			if crashes {
				require.ErrorIs(t, err, errCrash)
			} else {
				require.NoError(t, err)
			}
		}
		projector.beforeCommit = func() error { return nil }
		h.catchUp(projector)
		require.Equal(t, h.replayed(), h.rows())
	})
}

func TestSeveralProjectorsProjectEachEventOnce(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		ctx, stop := context.WithCancel(t.Context())
		var projecting errgroup.Group
		for range 3 {
			projector := h.projector()
			projector.batch = 2
			projecting.Go(func() error {
				for ctx.Err() == nil {
					if _, err := projector.RunOnce(t.Context()); err != nil {
						return err
					}
				}
				return nil
			})
		}
		h.happens(150)
		stop()
		require.NoError(t, projecting.Wait())
		h.catchUp(h.projector())
		require.Equal(t, h.replayed(), h.rows())
	})
}

// Who waits in one process hears of what another has projected, as soon as its
// own projector looks.
func TestWatchersHearOfWhatAnotherProjectorHasDone(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		var watchers Watchers
		own, other := NewProjector(h.db, h.events, h.codec, &watchers), h.projector()
		changed, stop := watchers.Watch("order-0001")
		defer stop()
		for range 2 {
			h.append(h.creates("cust-ada"))
			h.catchUp(other)
			assert.Empty(t, changed)
			h.catchUp(own)
			assert.Len(t, changed, 1)
			<-changed
			h.catchUp(own)
			assert.Empty(t, changed, "there was nothing more")
		}
	})
}

func TestAPoisonEventStopsTheProjectorBeforeIt(t *testing.T) {
	confirmed := json.RawMessage(`{"confirmedAt":"2026-03-01T12:00:00Z"}`)
	for name, test := range map[string]struct {
		poison eventstore.Data
		want   error
	}{
		"unknown type":     {eventstore.Data{Type: "OrderLost", SchemaVersion: 1, Payload: confirmed}, eventcodec.ErrUnknownEvent},
		"newer schema":     {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 9, Payload: confirmed}, eventcodec.ErrUnknownEvent},
		"corrupt payload":  {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 1, Payload: json.RawMessage(`[]`)}, eventcodec.ErrCorruptPayload},
		"payload not JSON": {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 1, Payload: json.RawMessage(`{`)}, eventcodec.ErrCorruptPayload},
	} {
		t.Run(name, func(t *testing.T) {
			eachHistory(t, func(t *testing.T, h *history) {
				id, created := h.creates("cust-ada")
				h.append(id, created)
				h.appendData(id, test.poison)
				h.append(h.creates("cust-ada"))

				projector := h.projector()
				for range 3 {
					_, err := projector.RunOnce(t.Context())
					var poison *PoisonError
					require.ErrorAs(t, err, &poison)
					require.ErrorIs(t, err, test.want)
					assert.EqualValues(t, 2, poison.Position)
					assert.Len(t, h.rows(), 5, "a view, a summary and three counts: the first event is in, nothing else")
				}

				h.edit(`UPDATE event SET event_type = 'OrderConfirmed', schema_version = 1, payload = $1 WHERE position = 2`, string(confirmed))
				h.catchUp(projector)
				require.Equal(t, h.replayed(), h.rows())
			})
		})
	}
}

func TestAMissingEventStopsTheProjector(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.append(h.creates("cust-ada"))
		h.append(h.creates("cust-ada"))
		h.append(h.creates("cust-ada"))
		h.edit(`DELETE FROM event WHERE position = 2`)
		_, err := h.projector().RunOnce(t.Context())
		var poison *PoisonError
		require.ErrorAs(t, err, &poison)
		require.ErrorIs(t, err, eventstore.ErrHole)
		assert.EqualValues(t, 2, poison.Position)
	})
}

// Rows that were changed by hand are found when the next event does not fit.
func TestAnEventThatDoesNotFollowTheRowStopsTheProjector(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		id, created := h.creates("cust-ada")
		h.append(id, created)
		h.catchUp(h.projector())
		h.edit(`DELETE FROM order_view`)
		h.append(id, domain.OrderConfirmed{ConfirmedAt: noon})
		_, err := h.projector().RunOnce(t.Context())
		require.ErrorIs(t, err, ErrOutOfSequence)
	})
}

func TestLagCountsTheEventsThatAreNotProjected(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		projector := h.projector()
		projector.batch = 4
		h.happens(10)
		for _, want := range []int64{10, 6, 2, 0, 0} {
			lag, err := projector.Lag(t.Context())
			require.NoError(t, err)
			assert.Equal(t, want, lag)
			_, err = projector.RunOnce(t.Context())
			require.NoError(t, err)
		}
	})
}

// edit changes the database as only an operator's hand can.
func (h *history) edit(statement string, args ...any) {
	require.NoError(h.t, h.db.InTx(h.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}))
}
