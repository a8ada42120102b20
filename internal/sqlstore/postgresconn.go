package sqlstore

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
)

// postgresConnector makes connections whose errors carry the faults, as those
// of SQLite do: a Reader is a plain *sql.DB and has no other place for it.
type postgresConnector struct{ driver.Connector }

func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, withFault(err)
	}
	conn, ok := opened.(*stdlib.Conn)
	if !ok {
		_ = opened.Close()
		return nil, fmt.Errorf("the PostgreSQL driver's connection is a %T", opened)
	}
	return &postgresConn{conn}, nil
}

// postgresConn is one connection. What it does not name is the driver's own.
type postgresConn struct{ *stdlib.Conn }

// Ping reports whether the database answers.
func (c *postgresConn) Ping(ctx context.Context) error { return withFault(c.Conn.Ping(ctx)) }

// ExecContext runs a statement that returns no rows.
func (c *postgresConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	result, err := c.Conn.ExecContext(ctx, query, args)
	return result, withFault(err)
}

// QueryContext runs a statement whose rows are read until they are closed.
func (c *postgresConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.QueryContext(ctx, query, args)
	if err != nil {
		return nil, withFault(err)
	}
	return postgresRows{rows}, nil
}

// BeginTx begins a transaction. Its end needs no fault of its own: InTx looks at
// the error of a commit itself.
func (c *postgresConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, options)
	return tx, withFault(err)
}

// postgresRows are rows that may end in the middle, with their connection.
type postgresRows struct{ driver.Rows }

// Next reads a row, or returns io.EOF.
func (r postgresRows) Next(row []driver.Value) error { return withFault(r.Rows.Next(row)) }
