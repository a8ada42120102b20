package e2e_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestEqualOrdersAtOnceAreOneOrderWhateverIsKilled sends one order from fifty
// clients at once, with one Idempotency-Key, while the gateway, and then
// Temporal, is down, comes back, and is killed again as soon as the order has been
// accepted. Each client repeats itself, as its library would. There is one order,
// and one answer: all others say that they may be repeated.
func TestEqualOrdersAtOnceAreOneOrderWhateverIsKilled(t *testing.T) {
	s := &shop{
		system: start(t, settings(t, "ORDERFLOW_RATE_LIMIT=100000", "ORDERFLOW_RATE_BURST=100000")),
		random: rand.New(rand.NewPCG(seed, seed)),
	}
	for _, victim := range []string{"gateway", "temporal"} {
		t.Run(victim, func(t *testing.T) {
			s := s.on(t)
			name := "once-" + victim
			s.stockUp(name)
			bringUp, err := s.Supervisor().KeepDown(victim)
			require.NoError(t, err)
			repeated := s.repeatAtOnce(50, name)
			s.eventually(func() bool { return repeated.count() >= 50 }, "all have asked in vain")
			require.Zero(t, repeated.accepts())
			bringUp()
			s.eventually(func() bool { return repeated.accepts() > 0 }, "one is accepted while the others ask")
			require.NoError(t, s.Supervisor().Kill(victim))
			s.waitHealthy()
			whole := repeated.accepts()
			s.eventually(func() bool { return repeated.accepts() >= whole+50 }, "they go on")
			repeated.end()

			require.Len(t, repeated.accepted, 1, "one answer")
			t.Logf("%s was killed: %d accepted with one answer, %d put off, %d cut off",
				victim, repeated.acceptances, repeated.putOff, repeated.cutOff)

			var list struct {
				Items []struct{ OrderID string }
				Total int
			}
			s.eventually(func() bool {
				s.get("/v1/customers/"+name+"/orders", &list)
				return list.Total > 0
			}, "the order is there")
			s.awaitShipped(name, 1)
			s.get("/v1/customers/"+name+"/orders", &list)
			require.Equal(t, 1, list.Total)
			for _, orderID := range repeated.accepted {
				assert.Equal(t, orderID, list.Items[0].OrderID)
			}
			var stock struct{ OnHand, Reserved, Shipped int }
			s.get("/v1/inventory/"+name, &stock)
			assert.Equal(t, 1, stock.Shipped)
			assert.Equal(t, onHand-1, stock.OnHand)
		})
	}
}

// repetitions are what clients are told that send one order again and again.
type repetitions struct {
	stop    chan struct{}
	clients sync.WaitGroup

	mu sync.Mutex
	// accepted are the IDs of the order by the whole text of the answer.
	accepted                    map[string]string
	acceptances, putOff, cutOff int
}

// repeatAtOnce lets so many clients send one order until end is called.
func (s *shop) repeatAtOnce(clients int, name string) *repetitions {
	r := &repetitions{stop: make(chan struct{}), accepted: map[string]string{}}
	body := map[string]any{
		"customerId": name, "items": []any{map[string]any{"productId": name, "quantity": 1}},
		"payment":         map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "postalCode": "N1", "country": "GB"},
	}
	for range clients {
		r.clients.Go(func() {
			for {
				told, err := s.call(s.t.Context(), http.MethodPost, "/v1/orders", body, "Idempotency-Key", name)
				r.note(s.t, told, err)
				select {
				case <-r.stop:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	return r
}

func (r *repetitions) note(t *testing.T, told answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err != nil:
		r.cutOff++
	case told.status == http.StatusAccepted:
		var body struct{ OrderID string }
		assert.NoError(t, json.Unmarshal(told.body, &body))
		r.acceptances++
		r.accepted[string(told.body)] = body.OrderID
	default:
		r.putOff++
		assert.Contains(t, []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}, told.status, "%s", told.body)
		assert.NotEmpty(t, told.header.Get("Retry-After"))
		assert.Equal(t, "application/problem+json", told.header.Get("Content-Type"))
	}
}

func (r *repetitions) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acceptances + r.putOff + r.cutOff
}

func (r *repetitions) accepts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.acceptances
}

func (r *repetitions) end() {
	close(r.stop)
	r.clients.Wait()
}
