package api

import (
	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/validate"
	"orderflow/workflows/contract"
)

// fixedByCustomer is the reason of a fix that comes without one.
const fixedByCustomer = "fixed by the customer"

// fixBody is the body of POST /v1/orders/{orderId}/fix: the part of a placement
// that was refused, in the placement's form.
type fixBody struct {
	Payment         *paymentBody `json:"payment"`
	ShippingAddress *addressBody `json:"shippingAddress"`
	Reason          *string      `json:"reason"`
}

// Validate checks that there is one replacement, as a placement would.
func (b *fixBody) Validate() error {
	fields := validate.New()
	switch {
	case b.Payment == nil && b.ShippingAddress == nil:
		fields.Require(false, "/payment", "is required, or a shippingAddress in its place")
	case b.Payment != nil && b.ShippingAddress != nil:
		fields.Require(false, "/shippingAddress", "must not stand beside a payment")
	}
	if b.Payment != nil {
		b.Payment.check(fields, "/payment")
	}
	if b.ShippingAddress != nil {
		fields.ShippingAddress("/shippingAddress", validate.Address(*b.ShippingAddress))
	}
	if b.Reason != nil {
		checkReason(fields, *b.Reason)
	}
	return fields.Err()
}

func (b *fixBody) request(requestedBy string) contract.FixRequest {
	request := contract.FixRequest{Reason: fixedByCustomer, RequestedBy: requestedBy}
	if b.Payment != nil {
		request.PaymentMethod = b.Payment.Method
	}
	if b.ShippingAddress != nil {
		address := contract.Address(*b.ShippingAddress)
		request.ShippingAddress = &address
	}
	if b.Reason != nil {
		request.Reason = *b.Reason
	}
	return request
}

// FixOrder is POST /v1/orders/{orderId}/fix. A method of payment is its owner's
// business: operators do not replace it.
func (a *API) FixOrder(c *gin.Context, orderID string) {
	var body fixBody
	asked, ok := a.ask(c, orderID, a.writable, &body)
	if !ok {
		return
	}
	progress, err := a.decide(c.Request.Context(), asked, placement.Fix(body.request(asked.by.Subject)))
	a.respondDecision(c, asked, progress, err)
}
