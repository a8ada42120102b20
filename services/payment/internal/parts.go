package internal

import (
	"context"

	"github.com/gin-gonic/gin"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/services/payment/internal/simulator"
)

// Build opens the database and puts the service together with the built-in
// provider, whose tables stand beside the service's own. The errors are those
// of sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	schemas := append(Schemas(), simulator.Schema())
	return chassis.OnDatabase(ctx, dsn, schemas, func(db *sqlstore.DB) func(gin.IRouter) {
		bank := simulator.New(db, sqlstore.Now)
		service := NewService(db, bank, sqlstore.Now)
		return func(r gin.IRouter) {
			Routes(service)(r)
			simulator.Routes(bank)(r)
		}
	})
}
