package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/pricing"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

const (
	// knownTimeout bounds the question whether a keyed order exists already.
	// Temporal protects against a second one, too, for as long as it remembers
	// the first.
	knownTimeout = 500 * time.Millisecond
	// viewGrace is how long the read model may lag behind an outcome that the
	// workflow has already told.
	viewGrace = time.Second
	// answerTime is what a question for changes leaves of the wait, for its
	// answer. A question that lasted to the end would look like a service that
	// does not answer.
	answerTime = 300 * time.Millisecond
)

// PlaceOrder is POST /v1/orders: check, price, start, and answer 202, or 201
// when the client waits and the order comes to its end in time. Once the
// workflow was started no failure is answered any more.
func (a *API) PlaceOrder(c *gin.Context) {
	key, keyed, err := idempotencyKey(c.Request.Header)
	if err != nil {
		fail(c, err)
		return
	}
	var body placementBody
	if err := httpserver.Bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	orderID, err := a.place(c.Request.Context(), &body, key, keyed)
	if orderID != "" {
		httpserver.SetOrderID(c, orderID)
	}
	if err != nil {
		fail(c, err)
		return
	}
	a.answerPlacement(c, orderID)
}

// place checks whether the caller may place the order, and does so. The order's
// ID is there, also with an error, as soon as the order has one.
func (a *API) place(ctx context.Context, body *placementBody, key string, keyed bool) (orderID string, err error) {
	if !auth.MayWrite(ctx, body.CustomerID) {
		return "", problem.New(problem.Invalid, "the body has unacceptable values").
			WithField("/customerId", "is not the customer that the token speaks for")
	}
	orderID, hash, err := identify(body, key, keyed)
	if err != nil {
		return "", err
	}
	return orderID, a.placeOnce(telemetry.WithOrderID(ctx, orderID), orderID, hash, body)
}

// identify names the order. A keyed order has an ID that follows from customer
// and key, and a hash that tells an equal request from another one.
func identify(body *placementBody, key string, keyed bool) (orderID, hash string, err error) {
	if !keyed {
		orderID, err = contract.NewOrderID()
		return orderID, "", err
	}
	hash, err = body.hash()
	return contract.OrderIDForKey(body.CustomerID, key), hash, err
}

// placeOnce starts the placement, unless an equal request has done so. A hash
// says that there may be one. An order that is there already is no new one: the
// backlog does not refuse it.
func (a *API) placeOnce(ctx context.Context, orderID, hash string, body *placementBody) error {
	if hash != "" {
		// The order service remembers longer than Temporal.
		known, err := a.knownOrder(ctx, orderID, hash)
		if known || err != nil {
			return err
		}
	}
	quote, err := a.Pricer.Quote(ctx, body.CustomerID, body.lines())
	if err != nil {
		// What can be ordered may have changed since; the first answer has not.
		return a.unlessStarted(ctx, orderID, hash, func() error { return err })
	}
	leave, there := a.Backlog.Enter()
	if !there {
		return a.unlessStarted(ctx, orderID, hash, a.Backlog.Refuse)
	}
	started := false
	defer func() { leave(started) }()
	err = a.Placements.Start(ctx, contract.PlaceOrderInput{
		OrderID:         orderID,
		CustomerID:      body.CustomerID,
		CustomerName:    quote.CustomerName,
		Items:           quote.Items,
		Total:           quote.Total,
		PaymentMethod:   body.Payment.Method,
		ShippingAddress: contract.Address(*body.ShippingAddress),
		RequestHash:     hash,
		AcceptedAt:      a.Now().UTC().Truncate(time.Microsecond),
		Settings:        a.Settings,
	})
	started = err == nil || problem.CodeOf(err) == problem.Unavailable
	return err
}

// unlessStarted refuses an order, unless Temporal has the placement of an equal
// request. While nobody can say, the answer is problem.Unavailable: what was
// accepted must not be refused.
func (a *API) unlessStarted(ctx context.Context, orderID, hash string, refuse func() error) error {
	if hash == "" {
		return refuse()
	}
	switch found, err := a.Placements.Find(ctx, orderID); {
	case problem.CodeOf(err) == problem.NotFound:
		return refuse()
	case err != nil:
		return err
	case found.RequestHash != hash:
		return refuse()
	default:
		return nil
	}
}

// knownOrder asks the order service whether the order exists. An error is
// problem.KeyReused; when the service does not answer, the order counts as not
// known.
func (a *API) knownOrder(ctx context.Context, orderID, hash string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	known, err := a.Orders.Order(ctx, orderID)
	switch {
	case err != nil:
		return false, nil
	case known.RequestHash != hash:
		return true, problem.New(problem.KeyReused, "the Idempotency-Key was used with another body")
	}
	return true, nil
}

// answerPlacement answers 201 with the order when the client waits and it comes
// to its end in time, 202 otherwise.
func (a *API) answerPlacement(c *gin.Context, orderID string) {
	links := orderview.LinksOf(orderID)
	c.Header("Location", links.Self)
	if wait, leave, asked := a.mayWait(c.Request); asked {
		defer leave()
		c.Header("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
		if stored, ended := a.awaitEnd(c.Request.Context(), orderID, wait); ended {
			httpserver.Respond(c, http.StatusCreated, a.Reader.Joined(c.Request.Context(), stored))
			return
		}
	}
	httpserver.Respond(c, http.StatusAccepted, openapiserver.Acceptance{OrderID: orderID, Status: order.Draft, Links: links})
}

// mayWait reads how long the client wants to wait. Who waits for as much as they
// may is answered at once: a wait is a wish (RFC 7240), and what waits takes the
// place of a request from others.
func (a *API) mayWait(r *http.Request) (wait time.Duration, leave func(), may bool) {
	wait, asked := preferredWait(r.Header)
	if !asked {
		return 0, nil, false
	}
	leave, err := a.WaitShares.Enter(caller(r.Context()))
	return wait, leave, err == nil
}

// awaitEnd waits until the order service shows that the order has ended.
func (a *API) awaitEnd(ctx context.Context, orderID string, wait time.Duration) (order.View, bool) {
	if wait <= 0 {
		return order.View{}, false
	}
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	// A process that drains answers 202 while it still can.
	defer stopWith(httpserver.Draining(ctx), cancel)()
	// An error here is the end of the time, or a Temporal that is away. The
	// order service has the last word in every case.
	if err := a.Placements.AwaitOutcome(waitCtx, orderID); err == nil {
		waitCtx, cancel = context.WithTimeout(ctx, viewGrace)
		defer cancel()
	}
	return a.awaitFinalView(waitCtx, ctx, orderID)
}

// awaitFinalView follows the order's changes until waitCtx ends, and looks once
// more then.
func (a *API) awaitFinalView(waitCtx, ctx context.Context, orderID string) (order.View, bool) {
	var version int64
	for waitCtx.Err() == nil {
		question := remaining(waitCtx) - answerTime
		if question <= 0 {
			<-waitCtx.Done()
			break
		}
		asked := time.Now()
		stored, err := a.Changes.OrderAfter(waitCtx, orderID, version, question)
		if err == nil && orderview.Final(stored) {
			return stored, true
		}
		if err != nil || stored.Version <= version {
			pause(waitCtx, changesRetry-time.Since(asked))
			continue
		}
		version = stored.Version
	}
	lookCtx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	stored, err := a.Orders.Order(lookCtx, orderID)
	return stored, err == nil && orderview.Final(stored)
}

// lines are the body's items with the lines of one product merged.
func (b *placementBody) lines() []pricing.Line {
	lines := make([]pricing.Line, 0, len(b.Items))
	for i, item := range b.Items {
		lines = append(lines, pricing.Line{ProductID: item.ProductID, Quantity: *item.Quantity, Pointer: b.pointers[i]})
	}
	return lines
}
