package internal

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/httpserver"
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
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.POST("/v1/charges", h.charge)
		r.POST("/v1/charges/refund", h.refund)
		r.POST("/v1/refunds", h.refundAgreed)
		r.GET("/v1/payments/:orderId", h.payment)
		r.GET("/v1/payments/:orderId/refunds", h.refunds)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) charge(c *gin.Context) {
	var request payment.ChargeRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validCharge(request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return h.service.Charge(c.Request.Context(), request) })
}

func (h handlers) refund(c *gin.Context) {
	var request payment.RefundRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	fields.Text("/reason", request.Reason, 0, maxReason)
	if err := fields.Err(); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return nil, h.service.Refund(c.Request.Context(), request) })
}

func (h handlers) refundAgreed(c *gin.Context) {
	var request payment.AgreedRefundRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	fields.Integer("/amount/amount", request.Amount.Amount, 1, maxAmount)
	requireCurrency(fields, request.Amount)
	fields.Text("/reason", request.Reason, 1, maxReason)
	if err := fields.Err(); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return h.service.RefundAgreed(c.Request.Context(), request) })
}

func (h handlers) payment(c *gin.Context) {
	ofOrder(c, func(orderID string) (any, error) { return h.service.Payment(c.Request.Context(), orderID) })
}

func (h handlers) refunds(c *gin.Context) {
	ofOrder(c, func(orderID string) (any, error) { return h.service.Refunds(c.Request.Context(), orderID) })
}

// ofOrder answers about the order in the path.
func ofOrder(c *gin.Context, read func(orderID string) (any, error)) {
	orderID := c.Param("orderId")
	if !validate.IsID(orderID) {
		httpserver.Fail(c, problem.New(problem.NotFound, "no such order"))
		return
	}
	answer(c, func() (any, error) { return read(orderID) })
}

// answer writes 200 with a body, 204 without one, or the problem.
func answer(c *gin.Context, act func() (any, error)) {
	body, err := act()
	switch {
	case err != nil:
		httpserver.Fail(c, err)
	case body == nil:
		httpserver.Respond(c, http.StatusNoContent, nil)
	default:
		httpserver.Respond(c, http.StatusOK, body)
	}
}

func bindKeyed(c *gin.Context, request any, key *payment.Key) error {
	if err := httpserver.Bind(c, request); err != nil {
		return err
	}
	return key.Validate()
}

func validCharge(request payment.ChargeRequest) error {
	fields := validate.New()
	fields.ID("/customerId", request.CustomerID)
	fields.Integer("/amount/amount", request.Amount.Amount, 0, maxAmount)
	requireCurrency(fields, request.Amount)
	fields.Text("/method", request.Method, 1, validate.MaxText)
	fields.Require(!looksLikeCard(request.Method), "/method", "must be the payment provider's token for a method, never a card number")
	return fields.Err()
}

func requireCurrency(fields *validate.Fields, amount money.Money) {
	fields.Require(money.ValidCurrency(amount.Currency), "/amount/currency", "must be a currency code of ISO 4217")
}

// looksLikeCard reports whether a text has the form of a card number (ISO/IEC
// 7812: 12 to 19 digits), which must not be stored.
func looksLikeCard(text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	return len(digits) >= 12 && len(digits) <= 19 && strings.Trim(digits, "0123456789") == ""
}
