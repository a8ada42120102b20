package sqlstore

import (
	"database/sql"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresConnections    = 16
	maxPostgresConnections = 1000
	postgresIdleTime       = 5 * time.Minute
	// A server that is replaced behind its address gets the connections back
	// after this time.
	postgresLifetime       = 30 * time.Minute
	postgresConnectTimeout = 5 * time.Second
)

// poolParameter limits the connections of one process. The name is pgxpool's.
const poolParameter = "pool_max_conns"

// postgresTimeouts are the server's own limits, for each connection: a service
// that hangs, or is stopped in the middle of a transaction, must not hold its
// locks for ever. A DSN may set others, 0 for none:
// postgres://ada@db/shop?lock_timeout=20s.
var postgresTimeouts = map[string]string{
	"statement_timeout":                   "30s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "30s",
}

// parsePostgres reads a DSN as libpq does, and what this package adds to it.
func parsePostgres(text string) (dsn, error) {
	config, err := pgx.ParseConfig(text)
	if err != nil {
		// The parser's own message may repeat the password.
		return dsn{}, fmt.Errorf("unreadable postgres DSN: %w", ErrBadDSN)
	}
	d := dsn{dialect: Postgres, postgres: config, connections: postgresConnections}
	if limit, given := config.RuntimeParams[poolParameter]; given {
		delete(config.RuntimeParams, poolParameter) // the server does not know it
		d.connections, err = strconv.Atoi(limit)
		if err != nil || d.connections < 1 || d.connections > maxPostgresConnections {
			return dsn{}, fmt.Errorf("%s must be 1 to %d: %w", poolParameter, maxPostgresConnections, ErrBadDSN)
		}
	}
	for name, timeout := range postgresTimeouts {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = timeout
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = postgresConnectTimeout
	}
	return d, nil
}

// withoutTimeouts is the same database without limits of time.
func (d dsn) withoutTimeouts() dsn {
	d.postgres = d.postgres.Copy()
	d.postgres.RuntimeParams = maps.Clone(d.postgres.RuntimeParams)
	for name := range postgresTimeouts {
		d.postgres.RuntimeParams[name] = "0"
	}
	return d
}

func openPostgres(d dsn) *sql.DB {
	pool := sql.OpenDB(postgresConnector{stdlib.GetConnector(*d.postgres)})
	pool.SetMaxOpenConns(d.connections)
	pool.SetMaxIdleConns(d.connections)
	pool.SetConnMaxIdleTime(postgresIdleTime)
	pool.SetConnMaxLifetime(postgresLifetime)
	return pool
}
