package simulation

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/order"
)

// worldSize is how many orders compete in one world.
const worldSize = 250

// setting reads a number from the environment: "make simulate" has one for
// each.
func setting(t *testing.T, name string, usual uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	number, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "reading %s", name)
	return number
}

// TestSagasKeepEveryPromise plays SAGAS orders, in worlds whose seeds count up
// from SEED.
func TestSagasKeepEveryPromise(t *testing.T) {
	sagas, first := int(setting(t, "SAGAS", 1000)), setting(t, "SEED", 1)
	t.Logf("SAGAS=%d SEED=%d", sagas, first)
	worlds := (sagas + worldSize - 1) / worldSize
	seen := make(chan Coverage, worlds)
	t.Run("worlds", func(t *testing.T) {
		for world := range worlds {
			seed, orders := first+uint64(world), min(sagas-world*worldSize, worldSize)
			t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
				t.Parallel()
				seen <- play(t, seed, orders)
			})
		}
	})
	close(seen)
	total := Coverage{}
	for coverage := range seen {
		for what, times := range coverage {
			total[what] += times
		}
	}
	t.Logf("what has happened:\n%s", total)
	if sagas >= 1000 {
		assert.Empty(t, total.Missing(), "what has never happened")
	}
}

// play plays one world and judges it, midway and at its end.
func play(t *testing.T, seed uint64, orders int) Coverage {
	judge := judge(t)
	w := NewWorld(t, seed, orders)
	var midway Report
	var verifying error
	w.Midway = func() { midway, verifying = judge.Verify(w.Services, false) }
	w.Play(t)
	coverage := Coverage{}
	wrong := map[string][]string{}
	for _, saga := range w.Sagas {
		coverage.Add(saga)
		id := saga.Scenario.Order.OrderID
		wrong[id] = append(saga.Check(), endsApart(t, w.Services, saga)...)
	}
	require.NoError(t, verifying)
	for _, breach := range midway.Breaches("Money", "Stock", "At most one") {
		wrong[breach.Subject] = append(wrong[breach.Subject], "while orders were under way: "+breach.Detail)
	}
	report, err := judge.Verify(w.Services, true)
	require.NoError(t, err)
	assert.Equal(t, orders, report.Orders)
	for _, breach := range report.Breaches() {
		// The services' clocks run on while that of the bubble stands still:
		// their times say nothing here. Saga.Check knows the order.
		if strings.Contains(breach.Detail, " was compensated at ") {
			continue
		}
		wrong[breach.Subject] = append(wrong[breach.Subject], breach.Detail)
	}
	complain(t, w, wrong)
	if t.Failed() {
		t.Logf("play it again: SEED=%d SAGAS=%d", seed, orders)
	}
	return coverage
}

// complain shows what is wrong with each order, what was meant to happen to it,
// and what has happened.
func complain(t *testing.T, w *World, wrong map[string][]string) {
	t.Helper()
	for _, saga := range w.Sagas {
		id := saga.Scenario.Order.OrderID
		if len(wrong[id]) > 0 {
			t.Errorf("%s: %q\n%s\n%s", id, wrong[id], saga.Scenario, saga.Trace)
		}
		delete(wrong, id)
	}
	for subject, what := range wrong {
		t.Errorf("%s: %q", subject, what)
	}
}

// endsApart says whether the order is at another end than its workflow, or at
// none.
func endsApart(t *testing.T, services *Services, saga *Saga) []string {
	t.Helper()
	view, err := services.Orders.Order(context.Background(), saga.Scenario.Order.OrderID)
	if err != nil {
		return []string{err.Error()}
	}
	agree := map[End][]order.Status{
		Shipped: {order.Shipped}, Undone: {order.Cancelled}, CancelledByRequest: {order.Cancelled},
		Terminated: {order.Shipped, order.Cancelled},
	}
	if !slices.Contains(agree[saga.End], view.Status) {
		return []string{fmt.Sprintf("its workflow ended %q, but the order is %s", saga.End, view.Status)}
	}
	return nil
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	traces := func() (all []string) {
		w := NewWorld(t, 7, 40)
		w.Play(t)
		for _, saga := range w.Sagas {
			all = append(all, saga.Trace.String())
		}
		return all
	}
	assert.Equal(t, traces(), traces())
}
