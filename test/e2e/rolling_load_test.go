package e2e_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/workflows/contract"
)

// load is customers who place one order after the other and follow each to its
// end. A slow machine thereby gets less to do.
type load struct {
	*balancer
	orders  dataset
	stop    context.CancelFunc
	running sync.WaitGroup
	next    atomic.Int64 // order of the data set
	ended   atomic.Int64 // orders

	mu     sync.Mutex
	placed []*placed
}

// placed is an order on its way.
type placed struct {
	reference, customer string
	accepted, ended     bool
	delay               time.Duration // from the placement to the end
	unavailable         []string      // parts of its view that could not be read
}

// pollEvery is how often a customer looks at an order.
const pollEvery = 100 * time.Millisecond

// beginLoad has so many customers place the orders of the data set until
// endLoad, which must come before the last one.
func (s *system) beginLoad(d dataset, customers int) *load {
	l := &load{balancer: s.balance(), orders: d}
	ctx, stop := context.WithCancel(s.t.Context())
	l.stop = stop
	s.t.Cleanup(func() { stop(); l.running.Wait() })
	for range customers {
		l.running.Go(func() {
			for ctx.Err() == nil {
				i := int(l.next.Add(1)) - 1
				if !assert.Less(s.t, i, len(d.bodies), "orders in the data set") {
					return
				}
				l.follow(i)
			}
		})
	}
	return l
}

// endLoad places no more orders, and returns all when each has come to its end.
func (l *load) endLoad() []*placed {
	l.stop()
	l.running.Wait()
	return l.placed
}

// follow places an order and looks at it until its end. Every other one is
// waited for with the placement already.
func (l *load) follow(i int) {
	o := &placed{reference: l.orders.references[i], customer: l.orders.customers[i]}
	l.mu.Lock()
	l.placed = append(l.placed, o)
	l.mu.Unlock()
	headers := []string{"Idempotency-Key", o.reference}
	if i%2 == 0 {
		headers = append(headers, "Prefer", "wait=10")
	}
	began := time.Now()
	if _, o.accepted = l.request(http.MethodPost, "/v1/orders", l.orders.bodies[i], headers...); !o.accepted {
		return
	}
	path := "/v1/orders/" + contract.OrderIDForKey(o.customer, o.reference)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for time.Since(began) < patience {
		if l.look(o, path) {
			o.ended, o.delay = true, time.Since(began)
			l.ended.Add(1)
			return
		}
		select {
		case <-ticker.C:
		case <-l.system.t.Context().Done():
			return
		}
	}
}

// look reports whether the order has come to its end.
func (l *load) look(o *placed, path string) bool {
	found, ok := l.request(http.MethodGet, path, nil)
	if !ok {
		return false
	}
	var view struct {
		orderView
		Unavailable []string
	}
	found.into(l.system.t, &view)
	o.unavailable = append(o.unavailable, view.Unavailable...)
	return view.Saga.State.Final()
}

// awaitOrders waits until so many more orders have come to their end.
func (l *load) awaitOrders(count int64) {
	l.system.t.Helper()
	wanted := l.ended.Load() + count
	require.Eventually(l.system.t, func() bool { return l.ended.Load() >= wanted }, patience, 5*time.Millisecond, "orders end")
}
