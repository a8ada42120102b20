package e2e_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const (
	// wallRounds are measured before payment is slow, while it is, and after.
	wallRounds = 3
	// leastShare of the undisturbed rate is left to new orders.
	leastShare = 0.9
	// mostPerOrder is the memory, in bytes, that an order that waits may take in
	// its worker, which keeps its workflow: history, state and stacks.
	mostPerOrder = 128 << 10
	// mostGrowth is what a worker may grow by for any other reason.
	mostGrowth = 32 << 20
)

// TestASlowPaymentStaysBehindItsWalls has WAITING orders wait for a payment
// that takes ten seconds for each call, which is more than any call is given.
// New orders get their stock as fast as before, reads and cancels are answered
// as before, and the worker does not grow. That is so as the product is
// shipped, which is measured when WAITING is set, and also without the help of
// the circuit breakers, when every place and every slot that payment can hold is
// held all the time.
func TestASlowPaymentStaysBehindItsWalls(t *testing.T) {
	waiting, orders := fromEnvironment(t, "WAITING", 0), 100
	if waiting > 0 {
		t.Run("as shipped", func(t *testing.T) {
			requireWalls(t, waiting, orders, func(_, id string) string { return "/v1/orders/" + id })
		})
	} else {
		waiting, orders = 100, 40
	}
	t.Run("without breakers", func(t *testing.T) {
		// The view of one order would wait for its payment.
		requireWalls(t, waiting, orders, func(customer, _ string) string { return "/v1/customers/" + customer + "/orders" },
			"ORDERFLOW_PAYMENT_BREAKER_FAILURES=1000")
	})
}

// requireWalls has rounds of so many orders placed, without others that wait
// and with them.
func requireWalls(t *testing.T, waiting, orders int, look func(customer, id string) string, environ ...string) {
	environ = append(environ, "ORDERFLOW_RATE_LIMIT=100000", "ORDERFLOW_RATE_BURST=100000")
	w := &walls{
		shop: &shop{system: start(t, settings(t, environ...)), random: rand.New(rand.NewPCG(seed, seed))},
		look: look, orders: orders, placed: map[string]int{},
	}
	usual := []int{http.StatusAccepted, http.StatusConflict} // which says that it is too late
	_, most := w.reserveAll("first", 0)
	w.pause = time.Duration(2 / most * float64(time.Second)) // half of what the machine can do
	w.awaitEnds()
	undisturbed := w.measure("before", usual...)
	w.awaitEnds()
	empty := w.workerMemory()

	restore := w.divert("payment", "latency=10s")
	w.placeMany("waiting", waiting, 0)
	w.eventually(func() bool { return w.reserved("waiting") == waiting }, "%d orders wait for payment", waiting)
	full := w.workerMemory()
	disturbed := w.measure("during", http.StatusAccepted)
	later := w.workerMemory()
	restore()
	w.awaitEnds()
	undisturbed.add(w.measure("after", usual...))
	w.awaitEnds()

	requireUndisturbed(t, waiting, undisturbed, disturbed)
	t.Logf("memory of the worker: %d MiB, %d MiB when the orders wait, %d MiB after %d more",
		empty>>20, full>>20, later>>20, (wallRounds+1)*orders)
	assert.Less(t, full-empty, int64(waiting*mostPerOrder)+mostGrowth)
	assert.Less(t, later-full, int64((wallRounds+1)*orders*mostPerOrder)+mostGrowth)
	w.verify("--at-rest")
}

// requireUndisturbed prints what was measured, and compares it.
func requireUndisturbed(t *testing.T, waiting int, undisturbed, disturbed rounds) {
	t.Helper()
	t.Logf("undisturbed: %v", undisturbed)
	t.Logf("while %d orders wait for payment: %v", waiting, disturbed)
	share := median(disturbed.rates) / median(undisturbed.rates)
	t.Logf("new orders are reserved at %.0f %% of the undisturbed rate, those of a burst at %.0f %%",
		100*share, 100*median(disturbed.bursts)/median(undisturbed.bursts))
	assert.GreaterOrEqual(t, share, leastShare)
	for kind, answers := range map[string][2][]time.Duration{
		"reads":   {undisturbed.reads, disturbed.reads},
		"cancels": {undisturbed.cancels, disturbed.cancels},
	} {
		before, now := median(answers[0]), median(answers[1])
		assert.Less(t, now, 2*before+50*time.Millisecond, "%s are answered as before", kind)
	}
}
