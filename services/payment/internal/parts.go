package internal

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/services/payment/internal/simulator"
)

// Build opens the database and puts the service together with the built-in
// provider, whose tables stand beside the service's own. The errors are those
// of sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	db, err := sqlstore.Open(ctx, dsn, append(Schemas(), simulator.Schema())...)
	if err != nil {
		return chassis.Parts{}, err
	}
	bank := simulator.New(db, now)
	return chassis.Parts{
		Routes: func(r gin.IRouter) {
			Routes(NewService(db, bank, now))(r)
			simulator.Routes(bank)(r)
		},
		Checks: map[string]func(context.Context) error{"database": db.Ping},
		Close:  db.Close,
	}, nil
}

// now has the precision that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
