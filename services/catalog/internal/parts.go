package internal

import (
	"context"

	"github.com/gin-gonic/gin"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
)

// Build opens the database and puts the service together. The errors are
// those of sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	return chassis.OnDatabase(ctx, dsn, Schemas(), func(db *sqlstore.DB) func(gin.IRouter) {
		return Routes(NewService(db, sqlstore.Now))
	})
}
