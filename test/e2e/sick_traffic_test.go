package e2e_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"orderflow/internal/audit"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// orderKind is a way that orders go.
type orderKind struct {
	name   string
	method string // of payment
	// soldOut asks for what is not there, regret cancels at once.
	soldOut, regret bool
	// needs are the services that come before its end and that may be sick.
	needs []string
}

// orderKinds take turns in the traffic.
func orderKinds() []*orderKind {
	bought := &orderKind{name: "bought", method: "pm_card_visa", needs: []string{"inventory", "payment", "shipping"}}
	soldOut := &orderKind{name: "sold out", method: "pm_card_visa", soldOut: true, needs: []string{"inventory"}}
	declined := &orderKind{name: "declined", method: "pm_card_chargeDeclined", needs: []string{"inventory", "payment"}}
	regretted := &orderKind{name: "regretted", method: "pm_card_visa", regret: true, needs: bought.needs}
	return []*orderKind{bought, soldOut, bought, declined, bought, soldOut, bought, regretted}
}

const (
	// trafficPause is between two orders, and between two reads.
	trafficPause = 200 * time.Millisecond
	// trafficStock is more than is ever ordered.
	trafficStock = 100_000
	// mostWait is what an order may take that needs nothing that is sick.
	mostWait = 10 * time.Second
	// mostRepeats is how often a customer asks again.
	mostRepeats = 3
)

// traffic is customers who order and look at a steady pace, whether or not they
// are answered.
type traffic struct {
	*shop
	operator *shop // who may read more
	name     string
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	orders []*sale
	reads  []reading
}

// sale is an order in the traffic.
type sale struct {
	kind      *orderKind
	id        string
	asked     time.Time
	answered  time.Duration // after that
	failure   string        // why it was not accepted, or its cancellation not answered
	cancelled bool          // the cancellation was accepted
	repeats   int           // of the cancellation, which was not decided on in time
	ended     time.Time
	view      orderView
}

// reading is a customer's look at something.
type reading struct {
	path     string
	asked    time.Time
	answered time.Duration
	repeats  int
	failure  string
}

// beginTraffic has customers of one name come until stop.
func (s *shop) beginTraffic(name string) *traffic {
	s.t.Helper()
	// Customers have a rate limit of their own.
	inner, outer := *s, *s.system
	outer.token = outer.issue(name, "admin orders:read orders:write")
	inner.system = &outer
	tr := &traffic{shop: &inner, operator: s, name: name}
	for product, onHand := range tr.dataset().stock {
		tr.stockUp(product)
		tr.put("/v1/inventory/"+product, map[string]any{"productId": product, "onHand": onHand})
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	tr.cancel = cancel
	s.t.Cleanup(tr.stop)
	kinds := orderKinds()
	tr.every(ctx, func(i int) { tr.sell(ctx, i, kinds[i%len(kinds)]) })
	tr.every(ctx, func(i int) { tr.read(ctx, i) })
	return tr
}

// every begins one action after the other, without waiting for the ones before.
func (tr *traffic) every(ctx context.Context, act func(i int)) {
	tr.running.Go(func() {
		ticker := time.NewTicker(trafficPause)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-ticker.C:
				tr.running.Go(func() { act(i) })
			case <-ctx.Done():
				return
			}
		}
	})
}

// stop lets no more customers come, and waits for the last answers.
func (tr *traffic) stop() {
	tr.cancel()
	tr.running.Wait()
}

// dataset is what is sold and how much of it is there.
func (tr *traffic) dataset() dataset {
	return dataset{stock: map[string]int64{tr.name: trafficStock, tr.name + "-none": 0}}
}

// sell places an order and, if the kind says so, cancels it. What was begun is
// finished when the traffic stops.
func (tr *traffic) sell(ctx context.Context, i int, k *orderKind) {
	ctx = context.WithoutCancel(ctx)
	product, key := tr.name, tr.name+"-"+strconv.Itoa(i)
	if k.soldOut {
		product += "-none"
	}
	o := &sale{kind: k, id: contract.OrderIDForKey(tr.name, key), asked: time.Now()}
	placed, err := tr.call(ctx, http.MethodPost, "/v1/orders", map[string]any{
		"customerId":      tr.name,
		"items":           []any{map[string]any{"productId": product, "quantity": 1}},
		"payment":         map[string]any{"method": k.method},
		"shippingAddress": map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "postalCode": "N1", "country": "GB"},
	}, "Idempotency-Key", key)
	o.answered = time.Since(o.asked)
	o.failure = unlike(placed, err, http.StatusAccepted)
	if k.regret && o.failure == "" {
		tr.regret(ctx, o)
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.orders = append(tr.orders, o)
}

// regret cancels the order.
func (tr *traffic) regret(ctx context.Context, o *sale) {
	var answer answer
	var err error
	answer, o.repeats, err = tr.ask(ctx, http.MethodPost, "/v1/orders/"+o.id+"/cancel", because("too expensive"))
	o.cancelled = err == nil && answer.status == http.StatusAccepted
	o.failure = unlike(answer, err, http.StatusAccepted, http.StatusConflict)
}

// ask asks again when the gateway says so, as it does where the workflow has to
// answer and is too busy.
func (tr *traffic) ask(ctx context.Context, method, path string, body any) (found answer, repeats int, err error) {
	for {
		found, err = tr.call(ctx, method, path, body)
		if err != nil || found.status != http.StatusServiceUnavailable || repeats == mostRepeats {
			return found, repeats, err
		}
		repeats++
		tr.waitAsTold(found)
	}
}

// read looks at the last order, the product or the list of orders.
func (tr *traffic) read(ctx context.Context, i int) {
	ctx = context.WithoutCancel(ctx)
	tr.mu.Lock()
	last := len(tr.orders) - 1
	paths := []string{"/v1/products/" + tr.name, "/v1/customers/" + tr.name + "/orders?limit=5"}
	if last >= 0 {
		paths = append(paths, "/v1/orders/"+tr.orders[last].id)
	}
	tr.mu.Unlock()
	r := reading{path: paths[i%len(paths)], asked: time.Now()}
	answer, repeats, err := tr.ask(ctx, http.MethodGet, r.path, nil)
	r.repeats, r.answered, r.failure = repeats, time.Since(r.asked), unlike(answer, err, http.StatusOK)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.reads = append(tr.reads, r)
}

// unlike says how an answer is another one than those that are right; "" when
// it is not.
func unlike(found answer, err error, right ...int) string {
	if err != nil {
		return err.Error()
	}
	for _, status := range right {
		if found.status == status {
			return ""
		}
	}
	return strconv.Itoa(found.status) + ": " + string(found.body)
}

// awaitEnded waits until every accepted order has come to its end, and reads
// when that was.
func (tr *traffic) awaitEnded() {
	tr.t.Helper()
	sales := map[string]*sale{}
	for _, o := range tr.orders {
		if o.failure == "" {
			sales[o.id] = o
		}
	}
	tr.eventually(func() bool {
		ended := 0
		for _, status := range []order.Status{order.Shipped, order.Cancelled} {
			var page struct{ Total int }
			tr.operator.get("/v1/customers/"+tr.name+"/orders?limit=1&status="+string(status), &page)
			ended += page.Total
		}
		return ended >= len(sales)
	}, "every order of %s ends", tr.name)
	eachRow(tr.operator, "order", "event", func(event order.EventRow) {
		if o := sales[event.AggregateID]; o != nil && (event.EventType == "OrderShipped" || event.EventType == "OrderCancelled") {
			o.ended = event.OccurredAt
		}
	})
}

// awaitAllClosed waits until the workflow of every order has closed, which it does
// after the message to the customer.
func (tr *traffic) awaitAllClosed() {
	tr.t.Helper()
	tr.eventually(func() bool {
		counted, err := tr.workflows.CountWorkflow(tr.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: "CustomerId = '" + tr.name + "' AND ExecutionStatus = 'Running'",
		})
		return err == nil && counted.GetCount() == 0
	}, "every workflow of %s closes", tr.name)
}

// eachRow reads a table of a service.
func eachRow[Row any](s *shop, service, table string, read func(Row)) {
	s.t.Helper()
	for after, more := "", true; more; more = after != "" {
		var page audit.Page[Row]
		s.get("/v1/ops/audit/"+service+"?table="+table+"&limit="+strconv.Itoa(audit.MaxLimit)+"&after="+url.QueryEscape(after), &page)
		for _, row := range page.Items {
			read(row)
		}
		after = page.Next
	}
}
