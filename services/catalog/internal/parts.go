package internal

import (
	"context"
	"time"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
)

// Build opens the database and puts the service together. The errors are
// those of sqlstore.Open.
func Build(ctx context.Context, dsn string) (chassis.Parts, error) {
	db, err := sqlstore.Open(ctx, dsn, Schemas()...)
	if err != nil {
		return chassis.Parts{}, err
	}
	return chassis.Parts{
		Routes: Routes(NewService(db, now)),
		Checks: map[string]func(context.Context) error{"database": db.Ping},
		Close:  db.Close,
	}, nil
}

// now has the precision that both databases keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
