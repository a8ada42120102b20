package internal

import (
	"fmt"
	"math"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/conditional"
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
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.GET("/v1/products", h.list)
		r.POST("/v1/products/lookup", h.lookup)
		r.GET("/v1/products/:productId", h.product)
		r.PUT("/v1/products/:productId", h.put)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) list(c *gin.Context) {
	paging, err := validate.ReadPaging(c.Request.URL.Query())
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	page, err := h.service.List(c.Request.Context(), paging)
	respond(c, http.StatusOK, page, err)
}

func (h handlers) lookup(c *gin.Context) {
	var request catalog.LookupRequest
	if err := httpserver.Bind(c, &request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validLookup(request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	products, err := h.service.Lookup(c.Request.Context(), request.ProductIDs)
	respond(c, http.StatusOK, catalog.LookupAnswer{Products: products}, err)
}

func (h handlers) product(c *gin.Context) {
	productID := c.Param("productId")
	if !validate.IsID(productID) {
		httpserver.Fail(c, errNoProduct)
		return
	}
	product, err := h.service.Product(c.Request.Context(), productID)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.RespondVersioned(c, product.Version, product)
}

func (h handlers) put(c *gin.Context) {
	var record catalog.Record
	if err := httpserver.Bind(c, &record); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validRecord(record, c.Param("productId")); err != nil {
		httpserver.Fail(c, err)
		return
	}
	condition, err := conditional.FromRequest(c.Request)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	product, created, err := h.service.Put(c.Request.Context(), record, condition)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	c.Header("ETag", conditional.ETag(product.Version))
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	httpserver.Respond(c, status, product)
}

func respond(c *gin.Context, status int, answer any, err error) {
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, status, answer)
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
