package chassis

import (
	"context"

	"github.com/gin-gonic/gin"

	"orderflow/internal/config"
	"orderflow/internal/sqlstore"
	"orderflow/internal/telemetry"
)

// DatabaseConfig has the settings of a service with a database of its own
// (Chris Richardson, Microservices Patterns, "Database per service"). Embed it
// instead of Config.
type DatabaseConfig struct {
	Config `embed:""`

	DSN string `name:"dsn" default:"sqlite:./.orderflow/${program}.db" placeholder:"DSN" help:"The service's own database: sqlite:PATH or postgres://USER@HOST/DATABASE."`
}

// Validate refuses a DSN that names no database.
func (c *DatabaseConfig) Validate() error {
	if err := sqlstore.CheckDSN(c.DSN); err != nil {
		return config.Wrong("dsn", "%v", err)
	}
	return nil
}

// MainOnDatabase is Main for a service that needs no more than these settings.
func MainOnDatabase(program Program, build func(ctx context.Context, dsn string) (Parts, error)) {
	var cfg DatabaseConfig
	Main(program, &cfg, func(ctx context.Context, _ *telemetry.Telemetry) (Parts, error) {
		return build(ctx, cfg.DSN)
	})
}

// OnDatabase opens the database and returns the parts of a service that is all
// in it: its routes, a check that it answers, and its end. The errors are those
// of sqlstore.Open.
func OnDatabase(ctx context.Context, dsn string, schemas []sqlstore.Schema,
	routes func(*sqlstore.DB) func(gin.IRouter),
) (Parts, error) {
	db, err := sqlstore.Open(ctx, dsn, schemas...)
	if err != nil {
		return Parts{}, err
	}
	return Parts{
		Routes: routes(db),
		Checks: map[string]func(context.Context) error{"database": db.Ping},
		Close:  db.Close,
	}, nil
}
