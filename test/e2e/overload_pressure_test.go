package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"orderflow/workflows/contract"
)

// tooMany is what is said of a refusal because of the backlog.
const tooMany = "more orders wait than can be worked on soon"

// customers place orders at one gateway, over connections that they keep. What
// they are told is not held against openapi.yaml, which would take the machine
// from the system.
type customers struct {
	gateway string
	client  http.Client
	o       *overload
}

func (o *overload) customers(gateway string) *customers {
	transport := &http.Transport{MaxIdleConnsPerHost: 2000}
	o.t.Cleanup(transport.CloseIdleConnections)
	return &customers{gateway: gateway, client: http.Client{Transport: transport, Timeout: time.Minute}, o: o}
}

// place asks for an order.
func (c *customers) place(ctx context.Context, by *seller, key string) (answer, error) {
	body := `{"customerId":"` + by.name + `","items":[{"productId":"` + by.name + `","quantity":1}],"payment":{"method":"pm_card_visa"},` +
		`"shippingAddress":{"name":"A","line1":"1 Main St","city":"London","postalCode":"N1","country":"GB"}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.gateway+"/v1/orders", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = http.Header{
		"Authorization": {"Bearer " + by.token}, "Content-Type": {"application/json"}, "Idempotency-Key": {key},
	}
	response, err := c.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: content}, err
}

// buy places an order, again when told to come back, and waits until its
// workflow has closed.
func (c *customers) buy(by *seller, key string) error {
	ctx, cancel := context.WithTimeout(c.o.t.Context(), patience)
	defer cancel()
	for {
		placed, err := c.place(ctx, by, key)
		switch {
		case err != nil:
			return err
		case placed.status == http.StatusAccepted:
			return c.o.workflows.GetWorkflow(ctx, contract.OrderIDForKey(by.name, key), "").Get(ctx, nil)
		case placed.header.Get("Retry-After") == "":
			return fmt.Errorf("answer %d: %s", placed.status, placed.body)
		}
		c.o.waitAsTold(placed)
	}
}

// pressure is orders that come at a rate, and what became of them.
type pressure struct {
	o       *overload
	title   string
	offered int

	mu       sync.Mutex
	accepted map[string]bool // by order ID
	took     quantiles       // until that was said
	refused  map[string]int  // by what was said
	refusals quantiles
	without  []string // answers that say nothing of when to come back, or are none
	advised  map[int]int
	inDoubt  []string // by order ID: they may have been started

	sellers    []*seller
	before     memory
	watched    *watched
	drained    time.Duration
	calmHealth quantiles
}

// press offers orders at a rate for as long as a part lasts, watches the gateway
// meanwhile, and returns when every accepted order has shipped.
func (o *overload) press(title, gateway string, sellers []*seller, perSecond float64) *pressure {
	o.t.Helper()
	p := &pressure{o: o, title: title, sellers: sellers, accepted: map[string]bool{}, refused: map[string]int{}, advised: map[int]int{}}
	calm := o.watch(gateway)
	o.pass(max(time.Second, o.lasting/10))
	calm.end()
	p.before, p.calmHealth = calm.memory, calm.health

	p.watched = o.watch(gateway)
	buyers, tag := o.customers(gateway), strconv.FormatInt(time.Now().UnixMilli(), 36)
	var coming sync.WaitGroup
	began := time.Now()
	ticker := time.NewTicker(2 * time.Millisecond)
	for time.Since(began) < o.lasting {
		<-ticker.C
		for ; float64(p.offered) < perSecond*min(time.Since(began), o.lasting).Seconds(); p.offered++ {
			one, key := sellers[p.offered%len(sellers)], tag+"-"+strconv.Itoa(p.offered)
			coming.Go(func() { p.one(buyers, one, key) })
		}
	}
	ticker.Stop()
	coming.Wait()
	p.watched.end()
	draining := time.Now()
	p.awaitEach()
	p.drained = time.Since(draining)
	return p
}

// one is one order and what it was told.
func (p *pressure) one(buyers *customers, by *seller, key string) {
	began := time.Now()
	told, err := buyers.place(p.o.t.Context(), by, key)
	took := time.Since(began)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.without = append(p.without, err.Error())
		return
	}
	if told.status == http.StatusAccepted {
		p.accepted[contract.OrderIDForKey(by.name, key)] = true
		p.took = append(p.took, took)
		return
	}
	p.refusals = append(p.refusals, took)
	said := http.StatusText(told.status)
	if told.status == http.StatusServiceUnavailable {
		var document struct{ Detail string }
		if json.Unmarshal(told.body, &document) == nil {
			said = document.Detail
		}
	}
	p.refused[said]++
	if told.status == http.StatusServiceUnavailable && said != tooMany {
		p.inDoubt = append(p.inDoubt, contract.OrderIDForKey(by.name, key))
	}
	seconds, err := strconv.Atoi(told.header.Get("Retry-After"))
	if err != nil || seconds < 1 || told.status != http.StatusTooManyRequests && told.status != http.StatusServiceUnavailable {
		p.without = append(p.without, fmt.Sprintf("%d, Retry-After %q: %s", told.status, told.header.Get("Retry-After"), told.body))
	}
	p.advised[seconds]++
}

// awaitEach waits until every order that was accepted has shipped: its workflow
// completes then, and only then. One whose start was not answered in time may be
// there as well.
func (p *pressure) awaitEach() {
	p.o.t.Helper()
	ctx, cancel := context.WithTimeout(p.o.t.Context(), patience+10*p.o.lasting)
	defer cancel()
	var waiting errgroup.Group
	waiting.SetLimit(outstanding)
	for id := range p.accepted {
		waiting.Go(func() error { return p.o.workflows.GetWorkflow(ctx, id, "").Get(ctx, nil) })
	}
	for _, id := range p.inDoubt {
		waiting.Go(func() error {
			err := p.o.workflows.GetWorkflow(ctx, id, "").Get(ctx, nil)
			var missing *serviceerror.NotFound
			if errors.As(err, &missing) {
				return nil
			}
			return err
		})
	}
	require.NoError(p.o.t, waiting.Wait(), "every accepted order ships")
}

// judge prints what was measured and checks it.
func (p *pressure) judge(long bool) {
	t, w := p.o.t, p.watched
	t.Helper()
	f := &figures{title: p.title}
	f.add("orders offered", "%d in %v by %d customers", p.offered, p.o.lasting, len(p.sellers))
	f.add("… accepted", "%d; answers %v", len(p.accepted), p.took)
	for _, said := range slices.Sorted(maps.Keys(p.refused)) {
		f.add("… refused", "%d: %s", p.refused[said], said)
	}
	f.add("… refusals", "%v", p.refusals)
	for _, seconds := range slices.Sorted(maps.Keys(p.advised)) {
		f.add("… told to come back", "%d after %d s", p.advised[seconds], seconds)
	}
	f.add("… refused without Retry-After", "%d", len(p.without))
	f.add("… accepted and shipped", "%d, the last one %v after the end", len(p.accepted), round(p.drained))
	f.add("backlog", "%.0f at most", w.backlog)
	f.add("gateway's memory", "%v before, %v in the first half, %v in the second", p.before.highest(), w.memory.half(0), w.memory.half(1))
	f.add("health before", "%v", p.calmHealth)
	f.add("health", "%v", w.health)
	t.Log(f)
	assert.Empty(t, p.without)
	assert.NotEmpty(t, p.accepted)
	assert.Empty(t, w.failures)
	assert.Less(t, w.memory.half(1), w.memory.half(0)*3/2+64<<20, "the memory is bounded")
	if long {
		assert.LessOrEqual(t, slices.Max(w.health), promptly)
	}
}
