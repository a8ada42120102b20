package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/conditional"
	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
	"orderflow/services/customer"
)

// GetCustomer is GET /v1/customers/{customerId}.
func (a *API) GetCustomer(c *gin.Context, customerID string) {
	ctx := c.Request.Context()
	if !validate.IsID(customerID) || !auth.MayRead(ctx, customerID) {
		fail(c, notFound())
		return
	}
	found, err := a.Customers.Customer(ctx, customerID)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.RespondVersioned(c, found.Version, found)
}

type customerBody struct {
	CustomerID string       `json:"customerId"`
	Name       string       `json:"name"`
	Contact    string       `json:"contact"`
	Phone      string       `json:"phone"`
	Address    *addressBody `json:"address"`
}

// Validate checks every field.
func (b *customerBody) Validate() error {
	fields := validate.New()
	fields.ID("/customerId", b.CustomerID)
	fields.Text("/name", b.Name, 1, validate.MaxText)
	fields.Text("/contact", b.Contact, 0, validate.MaxText)
	fields.Text("/phone", b.Phone, 0, validate.MaxText)
	if b.Address != nil {
		fields.CustomerAddress("/address", validate.Address(*b.Address))
	}
	return fields.Err()
}

// PutCustomer is PUT /v1/customers/{customerId}. The service decides on the
// condition, where it writes.
func (a *API) PutCustomer(c *gin.Context, customerID string) {
	condition, err := conditional.FromHeader(c.Request.Header)
	if err != nil {
		fail(c, err)
		return
	}
	var body customerBody
	if err := bindNamed(c, &body, "/customerId", customerID, func() string { return body.CustomerID }); err != nil {
		fail(c, err)
		return
	}
	stored, err := a.Customers.Put(c.Request.Context(), customer.Record{
		CustomerID: body.CustomerID,
		Name:       body.Name,
		Contact:    body.Contact,
		Phone:      body.Phone,
		Address:    (*customer.Address)(body.Address),
	}, condition)
	// Also after a failure: the change may have happened.
	a.Pricer.ForgetCustomer(customerID)
	if err != nil {
		fail(c, err)
		return
	}
	c.Header("ETag", conditional.ETag(stored.Version))
	httpserver.Respond(c, http.StatusOK, stored)
}
