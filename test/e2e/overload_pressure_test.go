package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"orderflow/workflows/contract"
)

const (
	// tooMany is what is said of a refusal because of the backlog, noPlace of one
	// before anything else was looked at.
	tooMany = "more orders wait than can be worked on soon"
	noPlace = "too much is going on at once"
	// mostOpen is how many requests are open at once: as many as a gateway serves.
	// More would wait for the machine until the time for reading them is over.
	mostOpen = 1000
)

// customers place orders at one gateway, over connections that they keep. What
// they are told is not held against openapi.yaml, which would take the machine
// from the system.
type customers struct {
	gateway string
	client  http.Client
	o       *overload
}

func (o *overload) customers(gateway string) *customers {
	transport := &http.Transport{MaxIdleConnsPerHost: mostOpen}
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

// part is what is offered, by whom, where and for how long.
type part struct {
	title     string
	gateway   string
	sellers   []*seller
	perSecond float64
	lasting   time.Duration
}

// pressure is orders that come at a rate, and what became of them.
type pressure struct {
	part
	o       *overload
	buyers  *customers
	offered int

	mu         sync.Mutex
	accepted   map[string]bool // by order ID
	took       quantiles       // until that was said
	refused    map[string]int  // by what was said
	refusals   quantiles
	without    []string // refusals that say nothing of when to come back
	advised    map[int]int
	unanswered []unanswered
	inDoubt    []string // by order ID: they may have been started

	before     memory
	watched    *watched
	pressed    time.Duration // from the first order to the last answer
	drained    time.Duration
	calmHealth quantiles
}

// unanswered is an order that was neither accepted nor refused: the connection
// broke, or the request took too long to arrive. It may be there.
type unanswered struct {
	by       *seller
	key, why string
}

// press offers orders at a rate for as long as the part lasts, whether or not
// others are answered, watches the gateway meanwhile, and returns when every
// order that is there has shipped. Where mostOpen are not answered yet, the next
// ones come later.
func (o *overload) press(what part) *pressure {
	o.t.Helper()
	p := &pressure{
		part: what, o: o, buyers: o.customers(what.gateway),
		accepted: map[string]bool{}, refused: map[string]int{}, advised: map[int]int{},
	}
	calm := o.watch(p.gateway)
	o.pass(max(time.Second, p.lasting/10))
	calm.endWithFigures()
	p.before, p.calmHealth = calm.memory, calm.health

	p.watched = o.watch(p.gateway)
	tag := strconv.FormatInt(time.Now().UnixMilli(), 36)
	var coming errgroup.Group
	coming.SetLimit(mostOpen)
	began := time.Now()
	ticker := time.NewTicker(2 * time.Millisecond)
	for time.Since(began) < p.lasting {
		<-ticker.C
		for p.offered < p.due(time.Since(began)) {
			by, key := p.sellers[p.offered%len(p.sellers)], tag+"-"+strconv.Itoa(p.offered)
			if !coming.TryGo(func() error { p.one(by, key); return nil }) {
				break
			}
			p.offered++
		}
	}
	ticker.Stop()
	_ = coming.Wait() // one returns none
	p.pressed = time.Since(began)
	p.watched.endWithFigures()
	draining := time.Now()
	p.awaitEach()
	p.drained = time.Since(draining)
	return p
}

// due is how many orders should have been offered by then.
func (p *pressure) due(since time.Duration) int {
	return int(p.perSecond * min(since, p.lasting).Seconds())
}

// one is one order and what it was told.
func (p *pressure) one(by *seller, key string) {
	began := time.Now()
	told, err := p.buyers.place(p.o.t.Context(), by, key)
	took := time.Since(began)
	if err == nil && told.status == http.StatusRequestTimeout {
		err = fmt.Errorf("answer %d: %s", told.status, told.body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.unanswered = append(p.unanswered, unanswered{by, key, err.Error()})
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
// there as well. Who got no answer at all asks again with the same key.
func (p *pressure) awaitEach() {
	p.o.t.Helper()
	ctx, cancel := context.WithTimeout(p.o.t.Context(), patience+10*p.lasting)
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
	for _, order := range p.unanswered {
		waiting.Go(func() error { return p.buyers.buy(order.by, order.key) })
	}
	require.NoError(p.o.t, waiting.Wait(), "every accepted order ships")
}
