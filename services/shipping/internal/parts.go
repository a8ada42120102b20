package internal

import (
	"context"
	"time"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/services/shipping/internal/simulator"
)

// Build opens the database and puts the service together with the built-in
// carrier, whose tables stand beside the service's own. The errors are those of
// sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	db, err := sqlstore.Open(ctx, dsn, append(Schemas(), simulator.Schema())...)
	if err != nil {
		return chassis.Parts{}, err
	}
	return chassis.Parts{
		Routes: Routes(NewService(db, simulator.New(db, now), now)),
		Checks: map[string]func(context.Context) error{"database": db.Ping},
		Close:  db.Close,
	}, nil
}

// now has the precision that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
