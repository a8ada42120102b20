package api

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/conditional"
	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
	"orderflow/services/catalog"
	"orderflow/services/money"
)

// ListProducts is GET /v1/products.
func (a *API) ListProducts(c *gin.Context, params openapiserver.ListProductsParams) {
	paging := pagingOf(params.Page, params.Limit)
	page, err := a.Products.Products(c.Request.Context(), paging.Page, paging.Limit)
	if err != nil {
		fail(c, err)
		return
	}
	if page.Items == nil {
		page.Items = []catalog.Product{}
	}
	httpserver.Respond(c, http.StatusOK, openapiserver.ProductPage{
		Items: page.Items, Page: page.Page, Limit: page.Limit, Total: page.Total,
		Links: linksAround(c.Request.URL.Path, url.Values{}, paging, page.Total),
	})
}

// GetProduct is GET /v1/products/{productId}.
func (a *API) GetProduct(c *gin.Context, productID string) {
	if !validate.IsID(productID) {
		fail(c, notFound())
		return
	}
	product, err := a.Products.Product(c.Request.Context(), productID)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.RespondVersioned(c, product.Version, product)
}

type productBody struct {
	ProductID    string     `json:"productId"`
	Name         string     `json:"name"`
	Description  string     `json:"description"`
	UnitPrice    *moneyBody `json:"unitPrice"`
	Discontinued bool       `json:"discontinued"`
}

type moneyBody struct {
	Amount   *int64 `json:"amount"`
	Currency string `json:"currency"`
}

// Validate checks every field.
func (b *productBody) Validate() error {
	fields := validate.New()
	fields.ID("/productId", b.ProductID)
	fields.Text("/name", b.Name, 1, validate.MaxText)
	fields.Text("/description", b.Description, 0, validate.MaxText)
	if b.UnitPrice == nil {
		fields.Require(false, "/unitPrice", "is required")
	} else {
		b.UnitPrice.check(fields, "/unitPrice")
	}
	return fields.Err()
}

func (b *moneyBody) check(fields *validate.Fields, pointer string) {
	if b.Amount == nil {
		fields.Require(false, pointer+"/amount", "is required")
	} else {
		fields.Require(*b.Amount >= 0, pointer+"/amount", "must be an integer from 0")
	}
	if b.Currency == "" {
		fields.Require(false, pointer+"/currency", "is required")
	} else {
		fields.Require(money.ValidCurrency(b.Currency), pointer+"/currency", "must be a currency code of ISO 4217")
	}
}

// PutProduct is PUT /v1/products/{productId}. The service decides on the
// condition, where it writes.
func (a *API) PutProduct(c *gin.Context, productID string) {
	condition, err := conditional.FromHeader(c.Request.Header)
	if err != nil {
		fail(c, err)
		return
	}
	var body productBody
	if err := bindNamed(c, &body, "/productId", productID, func() string { return body.ProductID }); err != nil {
		fail(c, err)
		return
	}
	product, err := a.Products.Put(c.Request.Context(), catalog.Record{
		ProductID:    body.ProductID,
		Name:         body.Name,
		Description:  body.Description,
		UnitPrice:    money.New(*body.UnitPrice.Amount, body.UnitPrice.Currency),
		Discontinued: body.Discontinued,
	}, condition)
	// Also after a failure: the change may have happened.
	a.Pricer.ForgetProduct(productID)
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("ETag", conditional.ETag(product.Version))
	httpserver.Respond(c, http.StatusOK, product)
}

// bindNamed reads the body of a PUT, in which the ID of the path is repeated.
func bindNamed(c *gin.Context, body any, pointer, inPath string, inBody func() string) error {
	if !validate.IsID(inPath) {
		return notFound()
	}
	if err := httpserver.Bind(c, body); err != nil {
		return err
	}
	fields := validate.New()
	fields.PathID(pointer, inBody(), inPath)
	return fields.Err()
}
