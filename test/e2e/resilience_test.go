package e2e_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/resilience"
)

// breakerOpenFor is short, so that a breaker opens and closes several times
// within a test.
const breakerOpenFor = 3 * time.Second

// TestASickServiceHurtsNobodyElse has payment answer every call with 503 while
// orders come in. They reach their reservation as before, payment is called no
// more than its breaker and its retry budget allow, and all of them ship when
// it has recovered.
func TestASickServiceHurtsNobodyElse(t *testing.T) {
	s := &shop{
		system: start(t, settings(t, "ORDERFLOW_PAYMENT_BREAKER_OPEN_FOR="+breakerOpenFor.String())),
		random: rand.New(rand.NewPCG(seed, seed)),
	}
	const orders = 100
	healthy := s.reserve("healthy", orders)
	s.awaitShipped("healthy", orders)
	require.Equal(t, resilience.Closed, s.paymentBreaker().State)

	began := time.Now()
	restore := s.divert("payment", "error=1")
	sick := s.reserve("sick", orders)
	assert.Less(t, sick, 2*healthy+time.Second, "reservations need no payment")
	s.eventually(func() bool { return s.paymentBreaker().State == resilience.Open }, "the breaker of payment opens")
	s.requirePlaces()
	s.eventually(func() bool { return time.Since(began) > 3*breakerOpenFor }, "payment is sick for a while")
	failed := s.failedCharges()
	budget := s.paymentBreaker().RetryBudget
	lasted := time.Since(began)
	restore()

	s.eventually(func() bool { return s.paymentBreaker().State == resilience.Closed }, "the breaker of payment closes")
	s.awaitShipped("sick", orders)
	t.Logf("%d orders reserved in %v with a healthy payment, in %v with a sick one, which got %d calls in %v (retries: %d allowed, %d refused)",
		orders, healthy, sick, failed, lasted, budget.Retries, budget.Refused)
	assert.NotZero(t, failed)
	// What opens the breaker may be under way all at once: a forward pool.
	opened := 1 + int(lasted/breakerOpenFor)
	assert.LessOrEqual(t, failed, resilience.Defaults("payment").Bulkhead.MaxConcurrent+3*opened, "the breaker holds calls back")
	assert.LessOrEqual(t, float64(failed), orders+0.2*orders+lasted.Seconds()+10, "the retry budget holds retries back")
	s.verify("--at-rest")
}

// reserve places orders of a product and a customer of one name, and returns
// how long it took until the last one had its stock.
func (s *shop) reserve(name string, orders int) time.Duration {
	s.t.Helper()
	s.stockUp(name)
	s.put("/v1/inventory/"+name, map[string]any{"productId": name, "onHand": orders})
	began := time.Now()
	for i := range orders {
		s.placeAgain(name, name+"-"+strconv.Itoa(i), purchase{})
	}
	var stock struct{ OnHand, Reserved int }
	s.eventually(func() bool {
		s.get("/v1/inventory/"+name, &stock)
		return stock.Reserved+orders-stock.OnHand == orders
	}, "every order of %s has its stock", name)
	return time.Since(began)
}

func (s *shop) awaitShipped(customer string, orders int) {
	s.t.Helper()
	s.eventually(func() bool {
		var page struct{ Total int }
		s.get("/v1/customers/"+customer+"/orders?limit=1&status=shipped", &page)
		return page.Total == orders
	}, "every order of %s ships", customer)
}

// shownBreaker is what GET /v1/ops/breakers says of one breaker.
type shownBreaker struct {
	Process, Instance, Target string

	State                resilience.State
	RemainingOpenSeconds float64
	Refused              int
	RetryBudget          resilience.RetryBudgetStats
}

// paymentBreaker is that of the only worker.
func (s *shop) paymentBreaker() shownBreaker {
	s.t.Helper()
	var list struct {
		Items       []shownBreaker
		Unavailable []any
	}
	s.get("/v1/ops/breakers", &list)
	require.Empty(s.t, list.Unavailable)
	processes := map[string]bool{}
	var found []shownBreaker
	for _, breaker := range list.Items {
		processes[breaker.Instance] = true
		require.LessOrEqual(s.t, breaker.RemainingOpenSeconds, breakerOpenFor.Seconds())
		if breaker.Process == "workers" && breaker.Target == "payment" {
			found = append(found, breaker)
		}
	}
	require.Equal(s.t, map[string]bool{"gateway-1": true, "workers-1": true}, processes)
	require.Len(s.t, found, 1)
	return found[0]
}

// requirePlaces checks that an operator sees who has places at payment, and
// where its calls go.
func (s *shop) requirePlaces() {
	s.t.Helper()
	var pools struct {
		Items []struct {
			Process, Target, Purpose string
			Current, Max             int
		}
	}
	s.get("/v1/ops/bulkheads", &pools)
	places := map[string]int{}
	for _, pool := range pools.Items {
		require.LessOrEqual(s.t, pool.Current, pool.Max)
		if pool.Process == "workers" && pool.Target == "payment" {
			places[pool.Purpose] = pool.Max
		}
	}
	require.Equal(s.t, map[string]int{"forward": 10, "compensation": 5}, places)

	var instances struct {
		Items []struct {
			Service, Instance, Health string
			Metadata                  map[string]string
			Callers                   []struct{ Process string }
		}
	}
	s.get("/v1/ops/instances", &instances)
	health := map[string]string{}
	for _, instance := range instances.Items {
		health[instance.Instance] = instance.Health
		if instance.Instance == "payment-2" {
			require.NotEmpty(s.t, instance.Callers)
		}
		if instance.Instance == "workers-1" {
			require.Contains(s.t, instance.Metadata["queues"], "payment")
		}
	}
	require.Equal(s.t, "passing", health["payment-2"])
	require.Equal(s.t, "failing", health["payment-1"])
	require.Len(s.t, health, 10, "seven services, one of them twice, gateway and workers")
}

// failedCharges is how many charges the sick instance of payment was asked for,
// by its own count.
func (s *shop) failedCharges() int {
	s.t.Helper()
	addrs := s.instances("payment")
	require.Len(s.t, addrs, 1)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+addrs[0]+"/metrics", nil)
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	const series = `http_server_request_duration_seconds_count{method="POST",route="/v1/charges",status="503"} `
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if count, found := strings.CutPrefix(lines.Text(), series); found {
			total, err := strconv.ParseFloat(count, 64)
			require.NoError(s.t, err)
			return int(total)
		}
	}
	require.NoError(s.t, lines.Err())
	require.Fail(s.t, fmt.Sprintf("%s counts no charges", addrs[0]))
	return 0
}
