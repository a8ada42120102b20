package internal

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/inventory"
)

// maxQuantity bounds one line and one count, so that no sum of an order's
// hundred lines, or of a product's counts, overflows.
const maxQuantity = 1_000_000_000_000

// Routes serves the service's API.
func Routes(s *Service) func(gin.IRouter) {
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.POST("/v1/reservations", h.reserve)
		r.POST("/v1/reservations/release", h.release)
		r.POST("/v1/reservations/commit", h.commit)
		r.GET("/v1/inventory/:productId", h.stock)
		r.PUT("/v1/inventory/:productId", h.setOnHand)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) reserve(c *gin.Context) {
	var request inventory.ReserveRequest
	if err := httpserver.Bind(c, &request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validReserve(request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return h.service.Reserve(c.Request.Context(), request) })
}

func (h handlers) release(c *gin.Context) {
	var request inventory.ReleaseRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return nil, h.service.Release(c.Request.Context(), request) })
}

func (h handlers) commit(c *gin.Context) {
	var request inventory.CommitRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return nil, h.service.Commit(c.Request.Context(), request) })
}

func (h handlers) stock(c *gin.Context) {
	productID, err := pathID(c)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	answer(c, func() (any, error) { return h.service.Stock(c.Request.Context(), productID) })
}

func (h handlers) setOnHand(c *gin.Context) {
	productID, err := pathID(c)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	var count inventory.StockCount
	if err := httpserver.Bind(c, &count); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	fields.PathID("/productId", count.ProductID, productID)
	fields.Integer("/onHand", count.OnHand, 0, maxQuantity)
	if err := fields.Err(); err != nil {
		httpserver.Fail(c, err)
		return
	}
	stock, created, err := h.service.SetOnHand(c.Request.Context(), count, c.Query("first") == "true")
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	httpserver.Respond(c, status, stock)
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

func bindKeyed(c *gin.Context, request any, key *inventory.Key) error {
	if err := httpserver.Bind(c, request); err != nil {
		return err
	}
	return key.Validate()
}

func validReserve(request inventory.ReserveRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.Count("/lines", len(request.Lines), 1, 100)
	for i, line := range request.Lines {
		pointer := fmt.Sprintf("/lines/%d", i)
		fields.ID(pointer+"/productId", line.ProductID)
		fields.Integer(pointer+"/quantity", line.Quantity, 1, maxQuantity)
	}
	return fields.Err()
}

// pathID returns the path's product ID. One that cannot be an ID names nothing
// that exists.
func pathID(c *gin.Context) (string, error) {
	productID := c.Param("productId")
	if !validate.IsID(productID) {
		return "", problem.New(problem.NotFound, "no such product")
	}
	return productID, nil
}
