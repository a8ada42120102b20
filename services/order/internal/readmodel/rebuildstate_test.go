package readmodel

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/order"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

func TestTheReadModelTellsHowFarItIs(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		assert.Equal(t, order.Projection{Generation: 1}, h.projection())
		h.happens(12)
		h.catchUp(h.projector())
		h.happens(3)
		assert.Equal(t, order.Projection{Generation: 1, Position: 12, Head: 15, Lag: 3}, h.projection())

		rebuilder := h.rebuilder(h.projector())
		rebuilder.now = func() time.Time { return noon.Add(time.Hour) }
		requested, err := rebuilder.Request(t.Context())
		require.NoError(t, err)
		later := noon.Add(time.Hour)
		assert.Equal(t, &order.Rebuild{State: order.RebuildRequested, StartedAt: later}, requested.Rebuild)
		_, err = rebuilder.begin(t.Context())
		require.NoError(t, err)
		again, err := h.rebuilder(h.projector()).Request(t.Context())
		require.NoError(t, err)
		assert.Equal(t, &order.Rebuild{State: order.RebuildRunning, StartedAt: later}, again.Rebuild, "there is one at a time")

		require.NoError(t, rebuilder.rebuild(t.Context()))
		done := &order.Rebuild{State: order.RebuildDone, StartedAt: later, EndedAt: later}
		assert.Equal(t, order.Projection{Generation: 2, Position: 15, Head: 15, Rebuild: done}, h.projection())
		require.NoError(t, h.rebuild(h.projector()))
		assert.EqualValues(t, 3, h.projection().Generation)
		assert.Equal(t, noon, h.projection().Rebuild.StartedAt)
	})
}

func TestARebuildThatMeetsAPoisonEventFailsAndSaysWhere(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(20)
		h.catchUp(h.projector())
		before := h.rows()
		id, _ := h.creates("cust-1")
		h.appendData(id, eventstore.Data{Type: "OrderLost", SchemaVersion: 1, Payload: json.RawMessage(`{}`)})

		require.ErrorIs(t, h.rebuild(h.projector()), eventcodec.ErrUnknownEvent)
		failed := h.projection().Rebuild
		assert.Equal(t, order.RebuildFailed, failed.State)
		assert.Contains(t, failed.Error, "position 21")
		assert.Equal(t, noon, failed.EndedAt)
		assert.Equal(t, before, h.rows())
		assert.Equal(t, []int64{1}, h.generations(), "nothing is left of it")

		h.edit(`DELETE FROM event WHERE position = 21`)
		h.edit(`UPDATE event_head SET position = 20`)
		require.NoError(t, h.rebuild(h.projector()))
		assert.Empty(t, h.projection().Rebuild.Error)
		assert.Equal(t, before, h.rows())
	})
}

// run runs a rebuilder until the test ends it.
func run(t *testing.T, r *Rebuilder) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func (h *history) awaitRebuilt(generation int64) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.projection().Generation == generation }, time.Minute, 2*time.Millisecond)
}

// A process that stops leaves its rebuild, and goes on with it when it runs again.
func TestARebuildOutlivesItsProcess(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(40)
		h.catchUp(h.projector())
		before := h.rows()
		projector := h.projector()
		projector.batch = 5
		ctx, cancel := context.WithCancel(t.Context())
		commits, reached := 0, make(chan struct{})
		projector.beforeCommit = func() error {
			if commits++; commits < 3 {
				return nil
			}
			close(reached)
			<-ctx.Done()
			return ctx.Err()
		}
		rebuilder := h.rebuilder(projector)
		stop := run(t, rebuilder)
		_, err := rebuilder.Request(t.Context())
		require.NoError(t, err)
		<-reached
		cancel()
		stop()
		interrupted := h.projection()
		assert.Equal(t, order.RebuildRunning, interrupted.Rebuild.State)
		assert.EqualValues(t, 10, interrupted.Rebuild.Position)
		assert.Equal(t, before, h.rows())

		stop = run(t, h.rebuilder(h.projector()))
		defer stop()
		h.awaitRebuilt(2)
		assert.Equal(t, before, h.rows())
	})
}

// A process that is killed for good has others take its rebuild over.
func TestARebuildThatStandsStillIsTakenOver(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.happens(40)
		h.catchUp(h.projector())
		killed, other := h.rebuilder(h.projector()), h.rebuilder(h.projector())
		other.patience = 5 * time.Millisecond
		_, err := killed.Request(t.Context())
		require.NoError(t, err)
		stop := run(t, other)
		defer stop()
		h.awaitRebuilt(2)
		// From now on the other looks now and then only.
		_, err = killed.Request(t.Context())
		require.NoError(t, err)
		h.awaitRebuilt(3)
	})
}
