package sqlstore

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// The statements that begin a transaction.
const (
	beginWriting = "BEGIN IMMEDIATE"
	beginReading = "BEGIN"
)

// sqliteConnector opens the connections of one pool. They keep their
// statements prepared: SQLite compiles a statement for about as long as it
// runs one, and services run the same few texts over and over. (pgx does the
// same for PostgreSQL by itself.)
type sqliteConnector struct {
	file *sqliteFile
	// create opens the first connection and makes the file if need be, reopen
	// all others: a file that was removed must not come back empty.
	create, reopen driver.Connector
	begin          string
}

// driverConn is what the SQLite driver's connections offer and database/sql
// uses.
type driverConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// openSQLite returns a pool of connections to the file.
func openSQLite(d dsn, file *sqliteFile, begin string) (*sql.DB, error) {
	create, err := sqlite.NewConnector(d.sqliteURI(begin == beginReading, "rwc"))
	if err != nil {
		return nil, err
	}
	reopen, err := sqlite.NewConnector(d.sqliteURI(begin == beginReading, "rw"))
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(sqliteConnector{file: file, create: create, reopen: reopen, begin: begin}), nil
}

// Driver is the SQLite driver itself.
func (c sqliteConnector) Driver() driver.Driver { return c.reopen.Driver() }

// Connect opens a connection.
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.file.check(); err != nil {
		return nil, err
	}
	connector := c.reopen
	if !c.file.seen() {
		connector = c.create
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		return nil, withFault(err)
	}
	conn, ok := opened.(driverConn)
	if !ok {
		_ = opened.Close()
		return nil, fmt.Errorf("the SQLite driver's connection %T lacks a method", opened)
	}
	if err := c.file.see(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &sqliteConn{
		driverConn: conn, file: c.file, begin: c.begin, commits: synced, // by its URI
		idle: statements{byText: map[string]*list.Element{}},
	}, nil
}

// sqliteConn is one connection. Like every driver.Conn it is used by one
// goroutine at a time.
type sqliteConn struct {
	driverConn
	file  *sqliteFile
	begin string
	// idle holds the prepared statements that nobody uses now.
	idle statements
	// broken says that the state of a transaction is unknown, so that the
	// connection must not be used again. Closing it rolls back.
	broken bool
	// inTx is true between BEGIN and COMMIT or ROLLBACK.
	inTx bool
	// commits is how the connection commits now.
	commits durability
}

// check reports a file that is not there any more. Within a transaction the
// beginning has looked.
func (c *sqliteConn) check() error {
	if c.inTx {
		return nil
	}
	return c.file.check()
}

// Ping reports whether the database answers.
func (c *sqliteConn) Ping(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	return withFault(c.driverConn.Ping(ctx))
}

// ExecContext runs a statement that returns no rows.
func (c *sqliteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.exec(ctx, query, args)
}

func (c *sqliteConn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	statement, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := statement.ExecContext(c.watched(ctx), args)
	return result, c.giveBack(query, statement, err)
}

// QueryContext runs a statement whose rows are read until they are closed.
func (c *sqliteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	statement, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := statement.QueryContext(c.watched(ctx), args)
	if err != nil {
		return nil, c.giveBack(query, statement, err)
	}
	return &sqliteRows{Rows: rows, closed: func(err error) error { return c.giveBack(query, statement, err) }}, nil
}

// watched is what the driver watches while it runs a statement, at the cost of a
// goroutine. The statements of a writing transaction wait for no lock any more,
// and one that is cut off would undo all before it: so there a context that ends
// is noticed between them. A migration's statement is therefore waited for.
func (c *sqliteConn) watched(ctx context.Context) context.Context {
	if c.inTx && c.begin == beginWriting {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// take returns a statement that nobody else uses: while the rows of a text are
// still open, the same text is prepared once more.
func (c *sqliteConn) take(ctx context.Context, query string) (driverStmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if statement := c.idle.take(query); statement != nil {
		return statement, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, withFault(err)
	}
	statement, ok := prepared.(driverStmt)
	if !ok {
		_ = prepared.Close()
		return nil, fmt.Errorf("the SQLite driver's statement %T lacks a method", prepared)
	}
	return statement, nil
}

// giveBack ends the use of a statement and returns failure, which is how the
// use went. A statement that failed is not used again, whatever its state.
func (c *sqliteConn) giveBack(query string, statement driverStmt, failure error) error {
	if failure != nil {
		_ = statement.Close() // repeats the failure
		return withFault(failure)
	}
	if surplus := c.idle.put(query, statement); surplus != nil {
		return surplus.Close()
	}
	return nil
}

// BeginTx begins a transaction, which is always serializable. One that only
// reads takes no lock.
func (c *sqliteConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	begin := c.begin
	if options.ReadOnly {
		begin = beginReading
	}
	if err := c.commitAs(ctx, durabilityOf(ctx)); err != nil {
		return nil, err
	}
	if _, err := c.exec(ctx, begin, nil); err != nil {
		// It may have begun nevertheless when the context ended meanwhile.
		c.broken = true
		return nil, err
	}
	c.inTx = true
	return sqliteTx{c}, nil
}

// commitAs sets how the connection commits. SQLite does it while it compiles the
// statement, so the statement is not kept: run again it would do nothing.
func (c *sqliteConn) commitAs(ctx context.Context, commit durability) error {
	if c.commits == commit {
		return nil
	}
	c.broken = true // until it is certain
	statement, err := c.take(ctx, "PRAGMA synchronous="+string(commit))
	if err != nil {
		return err
	}
	_, err = statement.ExecContext(ctx, nil)
	if err := errors.Join(err, statement.Close()); err != nil {
		return withFault(err)
	}
	c.broken, c.commits = false, commit
	return nil
}

// IsValid tells database/sql whether the connection may be used again.
func (c *sqliteConn) IsValid() bool { return !c.broken && c.driverConn.IsValid() }

// Close closes the statements too: a connection with statements would stay
// open inside SQLite.
func (c *sqliteConn) Close() error {
	for statement := range c.idle.drain {
		_ = statement.Close() // each was reset without an error
	}
	return c.driverConn.Close()
}

// sqliteTx ends the transaction of its connection.
type sqliteTx struct{ conn *sqliteConn }

// Commit is not cut off by a context: it waits for no other process, because
// the transaction has the lock already, and its outcome must not be in doubt.
func (t sqliteTx) Commit() error { return t.end("COMMIT") }

func (t sqliteTx) Rollback() error { return t.end("ROLLBACK") }

func (t sqliteTx) end(statement string) error {
	t.conn.inTx = false
	_, err := t.conn.exec(context.Background(), statement, nil)
	if err != nil {
		t.conn.broken = true
	}
	return err
}

// sqliteRows gives the statement back when it is closed.
type sqliteRows struct {
	driver.Rows
	closed func(error) error // nil after Close
}

// Next reads a row, or returns io.EOF.
func (r *sqliteRows) Next(row []driver.Value) error { return withFault(r.Rows.Next(row)) }

func (r *sqliteRows) Close() error {
	if r.closed == nil {
		return nil
	}
	giveBack := r.closed
	r.closed = nil
	return giveBack(r.Rows.Close())
}
