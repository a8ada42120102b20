package internal

import (
	"context"

	"github.com/gin-gonic/gin"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/services/shipping/internal/simulator"
)

// Build opens the database and puts the service together with the built-in
// carrier, whose tables stand beside the service's own. The errors are those of
// sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	schemas := append(Schemas(), simulator.Schema())
	return chassis.OnDatabase(ctx, dsn, schemas, func(db *sqlstore.DB) func(gin.IRouter) {
		return Routes(NewService(db, simulator.New(db, sqlstore.Now), sqlstore.Now))
	})
}
