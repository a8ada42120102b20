package gatewayclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/money"
)

// Product is what may be written of a product.
type Product struct {
	ProductID    string      `json:"productId"`
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	UnitPrice    money.Money `json:"unitPrice"`
	Discontinued bool        `json:"discontinued,omitempty"`
}

// Customer is what may be written of a customer.
type Customer struct {
	CustomerID string   `json:"customerId"`
	Name       string   `json:"name"`
	Contact    string   `json:"contact,omitempty"`
	Phone      string   `json:"phone,omitempty"`
	Address    *Address `json:"address,omitempty"`
}

// Stock is what is known of one product's stock. OnHand includes Reserved.
type Stock struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Shipped   int64  `json:"shipped"`
}

type stockCount struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
}

// PutProduct writes a product. It needs an admin's token.
func (c *Client) PutProduct(ctx context.Context, product Product) error {
	_, err := c.do(ctx, call{method: http.MethodPut, path: productPath(product.ProductID), body: product})
	return err
}

// HasProduct reports whether the catalogue has the product.
func (c *Client) HasProduct(ctx context.Context, productID string) (bool, error) {
	return c.exists(ctx, productPath(productID))
}

// PutCustomer writes a customer. It needs an admin's token.
func (c *Client) PutCustomer(ctx context.Context, customer Customer) error {
	_, err := c.do(ctx, call{method: http.MethodPut, path: customerPath(customer.CustomerID), body: customer})
	return err
}

// HasCustomer reports whether the customer is known.
func (c *Client) HasCustomer(ctx context.Context, customerID string) (bool, error) {
	return c.exists(ctx, customerPath(customerID))
}

// SetFirstStock sets what is on hand of a product that has no figure yet; set
// is false when it has one, which stays as it is. It needs an admin's token.
func (c *Client) SetFirstStock(ctx context.Context, productID string, onHand int64) (set bool, err error) {
	got, err := c.do(ctx, call{
		method: http.MethodPut, path: stockPath(productID),
		header: http.Header{"If-None-Match": {"*"}},
		body:   stockCount{ProductID: productID, OnHand: onHand},
	})
	if got.status == http.StatusPreconditionFailed {
		return false, nil
	}
	return err == nil, err
}

// SetStock sets what is on hand of a product. It needs an admin's token.
func (c *Client) SetStock(ctx context.Context, productID string, onHand int64) error {
	_, err := c.do(ctx, call{
		method: http.MethodPut, path: stockPath(productID),
		body: stockCount{ProductID: productID, OnHand: onHand},
	})
	return err
}

// Stock returns a product's stock, or problem.NotFound when it has no figure.
func (c *Client) Stock(ctx context.Context, productID string) (Stock, error) {
	var stock Stock
	_, err := c.do(ctx, call{method: http.MethodGet, path: stockPath(productID), out: &stock})
	return stock, err
}

// ServerTime returns the gateway's clock, to the second, as the Date header of
// an answer to a request that needs no token; the zero time when there is
// none.
func (c *Client) ServerTime(ctx context.Context) (time.Time, error) {
	got, err := c.do(ctx, call{method: http.MethodGet, path: "/healthz"})
	if err != nil {
		return time.Time{}, err
	}
	// A missing or odd Date is no error: the zero time says so.
	at, _ := http.ParseTime(got.header.Get("Date"))
	return at, nil
}

func (c *Client) exists(ctx context.Context, path string) (bool, error) {
	_, err := c.do(ctx, call{method: http.MethodGet, path: path})
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Code == problem.NotFound {
		return false, nil
	}
	return err == nil, err
}

func productPath(id string) string  { return "/v1/products/" + url.PathEscape(id) }
func customerPath(id string) string { return "/v1/customers/" + url.PathEscape(id) }
func stockPath(id string) string    { return "/v1/inventory/" + url.PathEscape(id) }
