package internal

import (
	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/endpoint"
	"orderflow/internal/validate"
	"orderflow/services/customer"
)

// Routes adds the service's API.
func Routes(s *Service) func(gin.IRouter) {
	version := func(c customer.Customer) int64 { return c.Version }
	return func(r gin.IRouter) {
		r.GET("/v1/customers/:customerId", endpoint.ReadVersioned("customerId", errNoCustomer, version, s.Customer))
		r.PUT("/v1/customers/:customerId", endpoint.PutVersioned("customerId", version, validRecord, s.Put))
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
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
