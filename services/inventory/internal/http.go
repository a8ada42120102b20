package internal

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/endpoint"
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
	return func(r gin.IRouter) {
		r.POST("/v1/reservations", endpoint.Ask(validReserve, s.Reserve))
		r.POST("/v1/reservations/release", endpoint.Tell(http.StatusNoContent, validRelease, s.Release))
		r.POST("/v1/reservations/commit", endpoint.Tell(http.StatusNoContent, validCommit, s.Commit))
		r.GET("/v1/inventory/:productId", endpoint.Read("productId", errNoProduct, s.Stock))
		r.PUT("/v1/inventory/:productId", s.setOnHand)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

var errNoProduct = problem.New(problem.NotFound, "no such product")

func (s *Service) setOnHand(c *gin.Context) {
	productID, err := endpoint.PathID(c, "productId", errNoProduct)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	var count inventory.StockCount
	if err := httpserver.Bind(c, &count); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validCount(count, productID); err != nil {
		httpserver.Fail(c, err)
		return
	}
	stock, created, err := s.SetOnHand(c.Request.Context(), count, c.Query("first") == "true")
	endpoint.Stored(c, stock, created, err)
}

func validCount(count inventory.StockCount, idInPath string) error {
	fields := validate.New()
	fields.PathID("/productId", count.ProductID, idInPath)
	fields.Integer("/onHand", count.OnHand, 0, maxQuantity)
	return fields.Err()
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

func validRelease(request inventory.ReleaseRequest) error { return request.Key.Validate() }

func validCommit(request inventory.CommitRequest) error { return request.Key.Validate() }
