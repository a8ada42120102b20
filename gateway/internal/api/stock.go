package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/inventory"
)

// GetStock is GET /v1/inventory/{productId}.
func (a *API) GetStock(c *gin.Context, productID string) {
	if !validate.IsID(productID) {
		fail(c, notFound())
		return
	}
	stock, err := a.Inventory.Stock(c.Request.Context(), productID)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, stock)
}

type stockBody struct {
	ProductID string `json:"productId"`
	OnHand    *int64 `json:"onHand"`
}

// Validate checks every field.
func (b *stockBody) Validate() error {
	fields := validate.New()
	fields.ID("/productId", b.ProductID)
	if b.OnHand == nil {
		fields.Require(false, "/onHand", "is required")
	} else {
		fields.Require(*b.OnHand >= 0, "/onHand", "must be an integer from 0")
	}
	return fields.Err()
}

// PutStock is PUT /v1/inventory/{productId}. With If-None-Match: * it records
// the first figure only, and answers 412 where there is one.
func (a *API) PutStock(c *gin.Context, productID string) {
	onlyFirst, err := firstOnly(c.Request.Header)
	if err != nil {
		fail(c, err)
		return
	}
	var body stockBody
	if err := bindNamed(c, &body, "/productId", productID, func() string { return body.ProductID }); err != nil {
		fail(c, err)
		return
	}
	count := inventory.StockCount{ProductID: body.ProductID, OnHand: *body.OnHand}
	record := a.Inventory.SetOnHand
	if onlyFirst {
		record = a.Inventory.SetFirstOnHand
	}
	stock, err := record(c.Request.Context(), count)
	if onlyFirst && problem.CodeOf(err) == problem.Conflict {
		err = problem.New(problem.PreconditionFailed, "the product has a stock figure already").WithCause(err)
	}
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, stock)
}

// firstOnly reads the condition of a count. Only If-None-Match: * is understood:
// the figures change with every order, and have no version that a client could
// name. Any other condition is refused, since to pass over it would be to write
// what was not to be written.
func firstOnly(header http.Header) (bool, error) {
	switch values := header.Values("If-None-Match"); {
	case len(header.Values("If-Match")) > 0:
		return false, problem.New(problem.Malformed, "stock figures have no version for If-Match")
	case len(values) == 0:
		return false, nil
	case len(values) == 1 && values[0] == "*":
		return true, nil
	default:
		return false, problem.New(problem.Malformed, "If-None-Match must be * here")
	}
}
