package internal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/conditional"
	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
	"orderflow/services/customer"
)

// Routes adds the service's API.
func Routes(s *Service) func(gin.IRouter) {
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.GET("/v1/customers/:customerId", h.customer)
		r.PUT("/v1/customers/:customerId", h.put)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) customer(c *gin.Context) {
	customerID := c.Param("customerId")
	if !validate.IsID(customerID) {
		httpserver.Fail(c, errNoCustomer)
		return
	}
	found, err := h.service.Customer(c.Request.Context(), customerID)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.RespondVersioned(c, found.Version, found)
}

func (h handlers) put(c *gin.Context) {
	var record customer.Record
	if err := httpserver.Bind(c, &record); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validRecord(record, c.Param("customerId")); err != nil {
		httpserver.Fail(c, err)
		return
	}
	condition, err := conditional.FromRequest(c.Request)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	stored, created, err := h.service.Put(c.Request.Context(), record, condition)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	c.Header("ETag", conditional.ETag(stored.Version))
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	httpserver.Respond(c, status, stored)
}

func validRecord(record customer.Record, idInPath string) error {
	fields := validate.New()
	fields.ID("/customerId", record.CustomerID)
	fields.PathID("/customerId", record.CustomerID, idInPath)
	fields.Text("/name", record.Name, 1, validate.MaxText)
	fields.Text("/contact", record.Contact, 0, validate.MaxText)
	fields.Text("/phone", record.Phone, 0, validate.MaxText)
	if record.Address != nil {
		fields.CustomerAddress("/address", validate.Address(*record.Address))
	}
	return fields.Err()
}
