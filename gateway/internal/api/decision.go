package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
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

// decision answers a message that the saga accepted: where the saga stands
// right after it.
type decision struct {
	OrderID string          `json:"orderId"`
	Saga    *orderview.Saga `json:"saga"`
	Links   orderview.Links `json:"links"`
}

func (a *API) respondDecision(c *gin.Context, orderID string, progress contract.Progress) {
	httpserver.Respond(c, http.StatusAccepted, decision{
		OrderID: orderID, Saga: a.Reader.Saga(c.Request.Context(), progress), Links: orderview.LinksOf(orderID),
	})
}

// decide sends a message about an order that has not shipped and is not
// cancelled.
func (a *API) decide(ctx context.Context, orderID string, standing orderview.Standing, message placement.Message) (contract.Progress, error) {
	if err := ended(standing.Status()); err != nil {
		return contract.Progress{}, err
	}
	return a.send(ctx, orderID, message)
}

// send sends a message, and says of an order that has ended how it did.
func (a *API) send(ctx context.Context, orderID string, message placement.Message) (contract.Progress, error) {
	progress, err := a.Placements.Send(ctx, orderID, message)
	if !errors.Is(err, placement.ErrEnded) {
		return progress, err
	}
	if standing, err := a.Reader.Standing(ctx, orderID); err == nil {
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
