package e2e_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// walls is a shop in which payment can be slow, and what people ask of it
// meanwhile.
type walls struct {
	*shop
	// look is the path of what people read of an order.
	look func(customer, id string) string
	// orders are placed in one round, with a pause between them.
	orders int
	pause  time.Duration
	// placed is how many orders each customer has placed.
	placed map[string]int
}

// rounds are the measurements of one state of the shop.
type rounds struct {
	rates          []float64 // reservations in a second, of each round
	bursts         []float64 // the same, of orders that came all at once
	reads, cancels []time.Duration
}

func (r *rounds) add(other rounds) {
	r.rates = append(r.rates, other.rates...)
	r.bursts = append(r.bursts, other.bursts...)
	r.reads = append(r.reads, other.reads...)
	r.cancels = append(r.cancels, other.cancels...)
}

// String shows rates by round, and the medians of the answers.
func (r rounds) String() string {
	return fmt.Sprintf("reservations/s %.1f, of bursts %.1f; reads: median %v, slowest %v; cancels: median %v, slowest %v",
		r.rates, r.bursts,
		median(r.reads).Round(time.Millisecond), slices.Max(r.reads).Round(time.Millisecond),
		median(r.cancels).Round(time.Millisecond), slices.Max(r.cancels).Round(time.Millisecond))
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// measure has wallRounds rounds of orders placed, and a burst. Of each round,
// some orders are read, and some are cancelled, which has one of the answers.
func (w *walls) measure(name string, answers ...int) (r rounds) {
	w.t.Helper()
	for round := range wallRounds {
		customer := fmt.Sprintf("%s-%d", name, round)
		ids, rate := w.reserveAll(customer, w.pause)
		r.rates = append(r.rates, rate)
		for _, id := range ids[:10] {
			r.reads = append(r.reads, w.timed(http.MethodGet, w.look(customer, id), nil, http.StatusOK))
		}
		for _, id := range ids[10:15] {
			r.cancels = append(r.cancels, w.timed(http.MethodPost, "/v1/orders/"+id+"/cancel", because("changed my mind"), answers...))
		}
	}
	_, burst := w.reserveAll(name+"-burst", 0)
	r.bursts = []float64{burst}
	return r
}

// reserveAll places a round of orders and returns how many in a second had
// their stock, from the first placement to the last reservation.
func (w *walls) reserveAll(customer string, pause time.Duration) (ids []string, perSecond float64) {
	w.t.Helper()
	began := time.Now()
	ids = w.placeMany(customer, w.orders, pause)
	w.eventually(func() bool { return w.reserved(customer) == w.orders }, "every order of %s has its stock", customer)
	return ids, float64(w.orders) / time.Since(began).Seconds()
}

// timed returns how long the answer took, which must have one of the statuses.
func (w *walls) timed(method, path string, body any, statuses ...int) time.Duration {
	w.t.Helper()
	began := time.Now()
	found, err := w.call(w.t.Context(), method, path, body)
	took := time.Since(began)
	require.NoError(w.t, err)
	require.Contains(w.t, statuses, found.status, "%s: %s", path, found.body)
	return took
}

// mostAtOnce is how many placements wait for their answer at most.
const mostAtOnce = 16

// placeMany has orders of a product and a customer of one name accepted, which
// come with a pause between them.
func (w *walls) placeMany(name string, orders int, pause time.Duration) (ids []string) {
	w.t.Helper()
	w.stockUp(name)
	w.put("/v1/inventory/"+name, map[string]any{"productId": name, "onHand": orders})
	w.placed[name] = orders
	var placing errgroup.Group
	placing.SetLimit(mostAtOnce)
	ticker := time.NewTicker(max(pause, time.Nanosecond))
	defer ticker.Stop()
	for i := range orders {
		key := fmt.Sprintf("%s-%d", name, i)
		ids = append(ids, contract.OrderIDForKey(name, key))
		placing.Go(func() error { return w.placeOne(name, key) })
		<-ticker.C
	}
	require.NoError(w.t, placing.Wait())
	return ids
}

func (w *walls) placeOne(name, key string) error {
	placed, err := w.call(w.t.Context(), http.MethodPost, "/v1/orders", map[string]any{
		"customerId":      name,
		"items":           []any{map[string]any{"productId": name, "quantity": 1}},
		"payment":         map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "country": "GB"},
	}, "Idempotency-Key", key)
	if err == nil && placed.status != http.StatusAccepted {
		err = fmt.Errorf("answer %d: %s", placed.status, placed.body)
	}
	return err
}

// reserved is how many of a customer's orders have had their stock.
func (w *walls) reserved(name string) int {
	w.t.Helper()
	var stock struct{ OnHand, Reserved, Shipped int }
	w.get("/v1/inventory/"+name, &stock)
	return stock.Reserved + stock.Shipped
}

// awaitEnds waits until every order has come to its end.
func (w *walls) awaitEnds() {
	w.t.Helper()
	for customer, orders := range w.placed {
		w.eventually(func() bool {
			ended := 0
			for _, status := range []order.Status{order.Shipped, order.Cancelled} {
				var page struct{ Total int }
				w.get("/v1/customers/"+customer+"/orders?limit=1&status="+string(status), &page)
				ended += page.Total
			}
			return ended == orders
		}, "every order of %s ends", customer)
	}
}

// workerMemory is what the only worker keeps in memory, in bytes.
func (w *walls) workerMemory() int64 {
	w.t.Helper()
	addrs := w.instances("workers")
	require.Len(w.t, addrs, 1)
	return int64(w.metric(addrs[0], "process_resident_memory_bytes"))
}

// metric reads a figure that a process serves.
func (w *walls) metric(addr, series string) float64 {
	w.t.Helper()
	figure, err := readMetric(w.t.Context(), addr, series)
	require.NoError(w.t, err)
	return figure
}

// readMetric reads a figure that the process at the address serves.
func readMetric(ctx context.Context, addr, series string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), series+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, cmp.Or(lines.Err(), fmt.Errorf("no %s at %s", series, addr))
}
