package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/token"
	"orderflow/internal/validate"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// reasonBody is the body of a request whose effect is named by its path.
type reasonBody struct {
	Reason string `json:"reason"`
}

// Validate checks the reason.
func (b *reasonBody) Validate() error {
	fields := validate.New()
	checkReason(fields, b.Reason)
	return fields.Err()
}

func checkReason(fields *validate.Fields, reason string) {
	fields.Text("/reason", reason, 1, validate.MaxText)
}

// question asks for a decision about one order: it is read, and the caller may
// ask it.
type question struct {
	orderID  string
	standing orderview.Standing
	by       token.Principal
	// key is empty when the client has sent none.
	key string
}

// ask reads a question. The order is looked up as the caller may act on it.
// Otherwise it has answered.
func (a *API) ask(c *gin.Context, orderID string, lookUp func(ctx context.Context, orderID string) (orderview.Standing, error), body any) (asked question, ok bool) {
	ctx := c.Request.Context()
	asked = question{orderID: orderID, by: auth.PrincipalOf(ctx)}
	var err error
	if asked.standing, err = lookUp(ctx, asked.orderID); err != nil {
		fail(c, err)
		return question{}, false
	}
	if asked.key, _, err = idempotencyKey(c.Request.Header); err != nil {
		fail(c, err)
		return question{}, false
	}
	if err := httpserver.Bind(c, body); err != nil {
		fail(c, err)
		return question{}, false
	}
	return asked, true
}

// decide sends a message about an order that has not shipped and is not
// cancelled. One with a key is sent in any case: it may have been decided before
// the order came to its end, and then the first answer is due.
func (a *API) decide(ctx context.Context, asked question, message placement.Message) (contract.Progress, error) {
	if err := ended(asked.standing.Status()); err != nil && asked.key == "" {
		return contract.Progress{}, err
	}
	return a.send(ctx, asked, message)
}

// send sends a message, and says of an order that has ended how it did.
func (a *API) send(ctx context.Context, asked question, message placement.Message) (contract.Progress, error) {
	progress, err := a.Placements.Send(ctx, asked.orderID, message.WithKey(asked.key))
	if !errors.Is(err, placement.ErrEnded) {
		return progress, err
	}
	if standing, err := a.Reader.Standing(ctx, asked.orderID); err == nil {
		if err := ended(standing.Status()); err != nil {
			return progress, err
		}
	}
	return progress, problem.New(problem.Conflict, "the order has come to its end already").WithCause(err)
}

// ended says why nothing can be decided about an order of this status; nil when
// something still can.
func ended(status order.Status) error {
	switch status {
	case order.Shipped:
		return problem.New(problem.TooLate, "the order has shipped")
	case order.Cancelled:
		return problem.New(problem.Conflict, "the order is cancelled already")
	default:
		return nil
	}
}

// respondDecision answers with what became of a question: where the saga stands
// right after it has accepted a message.
func (a *API) respondDecision(c *gin.Context, asked question, progress contract.Progress, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted, openapiserver.Decision{
		OrderID: asked.orderID, Saga: *a.Reader.Saga(c.Request.Context(), progress), Links: orderview.LinksOf(asked.orderID),
	})
}
