package internal

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/endpoint"
	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
	"orderflow/services/catalog"
	"orderflow/services/money"
)

const (
	maxDescription = 2000
	maxLookup      = 100
)

// Routes adds the service's API.
func Routes(s *Service) func(gin.IRouter) {
	version := func(p catalog.Product) int64 { return p.Version }
	return func(r gin.IRouter) {
		r.GET("/v1/products", s.list)
		r.POST("/v1/products/lookup", endpoint.Ask(validLookup, s.lookup))
		r.GET("/v1/products/:productId", endpoint.ReadVersioned("productId", errNoProduct, version, s.Product))
		r.PUT("/v1/products/:productId", endpoint.PutVersioned("productId", version, validRecord, s.Put))
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
}

func (s *Service) list(c *gin.Context) {
	paging, err := validate.ReadPaging(c.Request.URL.Query())
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	page, err := s.List(c.Request.Context(), paging)
	endpoint.Answer(c, http.StatusOK, page, err)
}

func (s *Service) lookup(ctx context.Context, request catalog.LookupRequest) (catalog.LookupAnswer, error) {
	products, err := s.Lookup(ctx, request.ProductIDs)
	return catalog.LookupAnswer{Products: products}, err
}

func validLookup(request catalog.LookupRequest) error {
	fields := validate.New()
	fields.Count("/productIds", len(request.ProductIDs), 1, maxLookup)
	for i, productID := range request.ProductIDs {
		fields.ID(fmt.Sprintf("/productIds/%d", i), productID)
	}
	return fields.Err()
}

func validRecord(record catalog.Record, idInPath string) error {
	fields := validate.New()
	fields.ID("/productId", record.ProductID)
	fields.PathID("/productId", record.ProductID, idInPath)
	fields.Text("/name", record.Name, 1, validate.MaxText)
	fields.Text("/description", record.Description, 0, maxDescription)
	fields.Integer("/unitPrice/amount", record.UnitPrice.Amount, 0, math.MaxInt64)
	fields.Require(money.ValidCurrency(record.UnitPrice.Currency), "/unitPrice/currency", "must be an ISO 4217 code")
	return fields.Err()
}
