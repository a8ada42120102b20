package chaos

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"orderflow/workflows/contract"
)

// Load places the orders of a run, each once at its time, and remembers in
// Promises what it was told.
type Load struct {
	purchases []Purchase
	promises  *Promises
	breaches  *Breaches
	client    func(customer string) Client
	strangers []Customer

	next    atomic.Int64
	bursts  chan burst
	clients sync.WaitGroup
	// Sustained is how many orders a second the system was seen to bring to
	// their end when nothing was broken. Set by WarmUp.
	Sustained float64
	// Figures of what the clients met.
	Broken, Excused, Told atomic.Int64
}

// NewLoad returns a load that has not begun. Client is who speaks for a
// customer.
func NewLoad(shop Shop, purchases []Purchase, promises *Promises, breaches *Breaches, client func(customer string) Client) *Load {
	return &Load{
		purchases: purchases, promises: promises, breaches: breaches, client: client, strangers: shop.Customers, bursts: make(chan burst),
	}
}

// Run places the orders evenly over the time, also those that a burst leaves. It
// returns when the last one was
// begun; Wait waits for the clients. Ctx ends their patience.
func (l *Load) Run(ctx context.Context, lasts time.Duration) {
	over := time.Now().Add(lasts)
	for ctx.Err() == nil {
		left := len(l.purchases) - int(l.next.Load())
		if left <= 0 {
			return
		}
		select {
		case <-time.After(time.Until(over) / time.Duration(left)):
			l.begin(ctx)
		case burst := <-l.bursts:
			for range burst.orders {
				l.begin(ctx)
				l.pause(ctx, burst.within/time.Duration(burst.orders))
			}
		case <-ctx.Done():
		}
	}
}

// burst are orders that all come within a time.
type burst struct {
	orders int
	within time.Duration
}

// Burst lets Run place the next orders all within a time. It does nothing when
// Run has placed them all already.
func (l *Load) Burst(ctx context.Context, orders int, within time.Duration) {
	select {
	case l.bursts <- burst{orders, within}:
	case <-ctx.Done():
	}
}

// Wait waits until every client has its answer, or has lost its patience.
func (l *Load) Wait() { l.clients.Wait() }

// warmUps are how many orders of their own find out what the system bears.
const warmUps = 30

// WarmUp places orders one after the other by a few clients who wait for the
// end, and keeps the pace.
func (l *Load) WarmUp(ctx context.Context, shop Shop, settings Settings) {
	began := time.Now()
	var orders atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for number := orders.Add(1); number <= warmUps; number = orders.Add(1) {
				p := shop.warmUp(settings, int(number))
				l.say(p, Said{What: Sent, Body: &p.Body})
				answer, err := l.as(p).Patiently(ctx, http.MethodPost, "/v1/orders", p.Body, l.heard, "Idempotency-Key", p.Key, "Prefer", "wait=4")
				if err == nil {
					l.accepted(p, answer)
				}
			}
		})
	}
	clients.Wait()
	l.Sustained = warmUps / time.Since(began).Seconds()
}

// CancelledByOperator writes down that an order is to be cancelled though its
// customer has not asked for it.
func (l *Load) CancelledByOperator(orderID string) {
	l.promises.Say(Said{What: OperatorCancelled, Number: -1, OrderID: orderID})
}

// begin places the next order, if there is one.
func (l *Load) begin(ctx context.Context) {
	number := int(l.next.Add(1)) - 1
	if number < len(l.purchases) {
		l.clients.Go(func() { l.buy(ctx, l.purchases[number]) })
	}
}

// buy is what one customer does about one order.
func (l *Load) buy(ctx context.Context, p Purchase) {
	l.say(p, Said{What: Sent, Body: &p.Body})
	if p.Kind == Unkeyed {
		l.buyOnce(ctx, p)
		return
	}
	if p.Kind == Twice {
		second := make(chan string, 1)
		go func() { second <- l.place(ctx, p) }()
		defer func() {
			if other := <-second; other != "" && other != contract.OrderIDForKey(p.Customer.ID, p.Key) {
				l.breaches.Add(idempotencyInvariant, p.Key, "sent twice at once, it became %s too", other)
			}
		}()
	}
	orderID := l.place(ctx, p)
	if orderID == "" {
		return
	}
	if want := contract.OrderIDForKey(p.Customer.ID, p.Key); orderID != want {
		l.breaches.Add(idempotencyInvariant, p.Key, "the answer names %s, but the key makes %s", orderID, want)
	}
	l.read(ctx, p, orderID)
	switch p.Kind {
	case Cancels:
		l.pause(ctx, p.Patience)
		l.cancel(ctx, p, orderID)
	case Holds:
		l.hold(ctx, p, orderID)
	case HeldCancels:
		l.decide(ctx, p, orderID, "hold", Said{What: HoldAccepted}, Said{})
		l.pause(ctx, p.Patience)
		l.cancel(ctx, p, orderID)
	default:
	}
}

// buyOnce sends an order without a key. Nobody can tell whether a broken
// connection came before or after its acceptance, so it is not sent again.
func (l *Load) buyOnce(ctx context.Context, p Purchase) {
	answer, err := l.as(p).Do(ctx, http.MethodPost, "/v1/orders", p.Body)
	l.heard(answer, err)
	switch {
	case err != nil || answer.Status >= http.StatusInternalServerError:
		l.say(p, Said{What: NoAnswer, Status: answer.Status})
	case answer.Status == http.StatusTooManyRequests:
		l.say(p, Said{What: TurnedDown, Status: answer.Status})
	default:
		l.accepted(p, answer)
	}
}

// place sends an order until it is answered, and returns its ID; "" when it was
// not accepted.
func (l *Load) place(ctx context.Context, p Purchase) (orderID string) {
	headers := []string{"Idempotency-Key", p.Key}
	if p.Number%7 == 0 {
		headers = append(headers, "Prefer", "wait=2")
	}
	answer, err := l.as(p).Patiently(ctx, http.MethodPost, "/v1/orders", p.Body, l.heard, headers...)
	if err != nil {
		l.say(p, Said{What: NoAnswer})
		return ""
	}
	return l.accepted(p, answer)
}

// accepted writes down what the answer to a placement promises.
func (l *Load) accepted(p Purchase, answer Answer) (orderID string) {
	if answer.Status != http.StatusAccepted && answer.Status != http.StatusCreated {
		l.say(p, Said{What: TurnedDown, Status: answer.Status})
		if p.Kind != CardNumber {
			l.breaches.Add(acceptanceInvariant, cmp.Or(p.Key, p.Customer.ID), "a good order was answered %d: %s", answer.Status, answer.Body)
		}
		return ""
	}
	var placed struct{ OrderID string }
	if err := answer.Into(&placed); err != nil || placed.OrderID == "" {
		l.breaches.Add(acceptanceInvariant, p.Key, "accepted without an order ID: %s", answer.Body)
		return ""
	}
	l.say(p, Said{What: Accepted, Status: answer.Status, OrderID: placed.OrderID})
	return placed.OrderID
}

// read looks at the order as its owner, who must find it, and as somebody else,
// who must not.
func (l *Load) read(ctx context.Context, p Purchase, orderID string) {
	path := "/v1/orders/" + orderID
	if p.Number%3 == 0 {
		answer, err := l.as(p).Do(ctx, http.MethodGet, path, nil)
		l.heard(answer, err)
		if err == nil && !answer.Excuse() && answer.Status != http.StatusOK {
			l.breaches.Add(acceptanceInvariant, orderID, "its owner, who has seen it accepted, is answered %d: %s", answer.Status, answer.Body)
		}
	}
	if p.Number%5 == 0 {
		stranger := l.strangers[p.Number%len(l.strangers)]
		if stranger == p.Customer {
			return
		}
		answer, err := l.client(stranger.ID).Do(ctx, http.MethodGet, path, nil)
		if err == nil && !answer.Excuse() && answer.Status != http.StatusNotFound {
			l.breaches.Add(privacyInvariant, orderID, "somebody else is answered %d: %s", answer.Status, answer.Body)
		}
	}
}

func (l *Load) cancel(ctx context.Context, p Purchase, orderID string) {
	l.say(p, Said{What: CancelSent, OrderID: orderID})
	l.decide(ctx, p, orderID, "cancel", Said{What: CancelAccepted}, Said{What: CancelTurnedDown})
}

func (l *Load) hold(ctx context.Context, p Purchase, orderID string) {
	l.decide(ctx, p, orderID, "hold", Said{What: HoldAccepted}, Said{})
	l.pause(ctx, p.Patience)
	// Also after a refusal: the order may be on hold since a request without an
	// answer, and waits until it is released.
	l.decide(ctx, p, orderID, "release", Said{What: ReleaseAccepted}, Said{})
}

// decide sends a decision about an order until it is answered, and says what it
// was told.
func (l *Load) decide(ctx context.Context, p Purchase, orderID, decision string, yes, no Said) {
	answer, err := l.as(p).Patiently(ctx, http.MethodPost, "/v1/orders/"+orderID+"/"+decision,
		map[string]string{"reason": "chaos"}, l.heard)
	if err != nil {
		return
	}
	said := no
	switch answer.Status {
	case http.StatusAccepted:
		said = yes
	case http.StatusConflict:
	default:
		l.breaches.Add(acceptanceInvariant, orderID, "%s is answered %d: %s", decision, answer.Status, answer.Body)
		return
	}
	if said.What != "" {
		said.OrderID, said.Status = orderID, answer.Status
		l.say(p, said)
	}
}

// heard counts what clients meet, and holds the gateway to saying when to come
// again.
func (l *Load) heard(answer Answer, err error) {
	switch {
	case err != nil:
		l.Broken.Add(1)
	case answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable:
		l.Excused.Add(1)
		if answer.RetryAfter() <= 0 {
			l.breaches.Add(acceptanceInvariant, answer.Path, "%d without Retry-After: %s", answer.Status, answer.Body)
		}
	default:
		l.Told.Add(1)
	}
}

// marks finds planted words.
var marks = regexp.MustCompile(markPrefix + `\d+x`)

// as is the client of the order's customer. It minds that nothing of others is
// in an answer.
func (l *Load) as(p Purchase) Client {
	client := l.client(p.Customer.ID)
	client.listen = func(answer Answer) {
		for _, found := range marks.FindAll(answer.Body, -1) {
			if string(found) != p.Customer.Mark {
				l.breaches.Add(privacyInvariant, p.Customer.ID, "%s answers with the data of %s", answer.Path, found)
			}
		}
	}
	return client
}

func (l *Load) say(p Purchase, said Said) {
	said.Number, said.Kind, said.Customer, said.Key = p.Number, p.Kind, p.Customer.ID, p.Key
	l.promises.Say(said)
}

func (l *Load) pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
