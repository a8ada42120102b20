package internal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/endpoint"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/money"
	"orderflow/services/payment"
)

const (
	// maxAmount bounds one charge, or one refund, in minor units, so that no
	// sum over an order's revisions overflows.
	maxAmount = 1_000_000_000_000_000
	// maxReason leaves room for the saga's account of a failure: a refund must
	// not be refused for its reason.
	maxReason = 1000
)

// Routes serves the service's API.
func Routes(s *Service) func(gin.IRouter) {
	return func(r gin.IRouter) {
		r.POST("/v1/charges", endpoint.Ask(validCharge, s.Charge))
		r.POST("/v1/charges/refund", endpoint.Tell(http.StatusNoContent, validRefund, s.Refund))
		r.POST("/v1/refunds", endpoint.Ask(validAgreedRefund, s.RefundAgreed))
		r.GET("/v1/payments/:orderId", endpoint.Read("orderId", errNoOrder, s.Payment))
		r.GET("/v1/payments/:orderId/refunds", endpoint.Read("orderId", errNoOrder, s.Refunds))
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

var errNoOrder = problem.New(problem.NotFound, "no such order")

func validCharge(request payment.ChargeRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.ID("/customerId", request.CustomerID)
	fields.Integer("/amount/amount", request.Amount.Amount, 0, maxAmount)
	requireCurrency(fields, request.Amount)
	fields.Text("/method", request.Method, 1, validate.MaxText)
	fields.NoCardNumber("/method", request.Method)
	return fields.Err()
}

func validRefund(request payment.RefundRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.Text("/reason", request.Reason, 0, maxReason)
	return fields.Err()
}

func validAgreedRefund(request payment.AgreedRefundRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.Integer("/amount/amount", request.Amount.Amount, 1, maxAmount)
	requireCurrency(fields, request.Amount)
	fields.Text("/reason", request.Reason, 1, maxReason)
	return fields.Err()
}

func requireCurrency(fields *validate.Fields, amount money.Money) {
	fields.Require(money.ValidCurrency(amount.Currency), "/amount/currency", "must be a currency code of ISO 4217")
}
