package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"orderflow/internal/problem"
)

// The faults of a database that are no fault of the caller. Each goes away
// without a restart once its cause has gone; until then the caller tries the
// whole action again later. Errors of InTx, of a Reader, of Open and of Ping
// carry them.
var (
	// ErrFull reports that the disk, or the database's share of it, is full.
	ErrFull error = &faultError{"no space is left for the database"}
	// ErrLocked reports that somebody else has held a lock for too long:
	// another process on the same file, or another session of the server.
	ErrLocked error = &faultError{"the database is locked by somebody else"}
	// ErrUnavailable reports that the database cannot be reached, opened, read
	// or written: its file was removed or the disk fails, its server is down
	// or has ended the session.
	ErrUnavailable error = &faultError{"the database is not available"}
	// ErrOutcomeUnknown reports that a transaction was committed or not: the
	// fault came between the request to commit and its answer. The action
	// must be tried again under the same fence key, which then gives the first
	// answer or has the effect for the first time.
	ErrOutcomeUnknown error = &faultError{"it is unknown whether the transaction was committed"}
)

// retryAfterFault is when a client may come again after a fault.
const retryAfterFault = 2 * time.Second

// faultError is one of the faults above.
type faultError struct{ text string }

func (e *faultError) Error() string { return e.text }

// Problem is what a service answers: 503 with Retry-After, and nothing of the
// database.
func (e *faultError) Problem() *problem.Error {
	return problem.New(problem.Unavailable, "the service cannot reach its data").WithRetryAfter(retryAfterFault)
}

// withFault adds the fault that an error of the database stands for, if any.
func withFault(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // the end of rows, never wrapped
		return err
	}
	fault := faultOf(err)
	if fault == nil || errors.Is(err, fault) {
		return err
	}
	return fmt.Errorf("%w: %w", fault, err)
}

func faultOf(err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return sqliteFault(lite.Code())
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return postgresFault(pg.Code)
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the caller's own end, which looks like the network's
	case errors.As(err, &connecting), errors.As(err, &network),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn), errors.Is(err, pgconn.ErrConnClosed):
		return ErrUnavailable
	default:
		return nil
	}
}

// https://www.sqlite.org/rescode.html
func sqliteFault(code int) error {
	switch code & 0xff { // the primary code
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return ErrLocked
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return ErrUnavailable
	default:
		return nil
	}
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresFault(code string) error {
	switch {
	case code == "53100": // disk_full
		return ErrFull
	case code == "55P03": // lock_not_available
		return ErrLocked
	case strings.HasPrefix(code, "08"), // connection exceptions
		strings.HasPrefix(code, "57P"), // the server shuts down or starts up
		strings.HasPrefix(code, "58"),  // system errors, such as of a disk
		code == "53300",                // too_many_connections
		code == "25P03":                // idle_in_transaction_session_timeout
		return ErrUnavailable
	default:
		return nil
	}
}

// outcomeKnown reports whether a failed commit has certainly not committed.
func outcomeKnown(ctx context.Context, err error) bool {
	// database/sql looks at the context before it commits, and returns its
	// error as it is; in the middle of a commit it comes wrapped.
	if errors.Is(err, sql.ErrTxDone) || err == ctx.Err() { //nolint:errorlint // see above
		return true
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		// Either comes before anything is written. A disk that fails may have
		// written all.
		primary := lite.Code() & 0xff
		return primary == sqlite3.SQLITE_BUSY || primary == sqlite3.SQLITE_CONSTRAINT
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// Worse than ERROR ends the session, perhaps after the commit.
		return pg.SeverityUnlocalized == "ERROR"
	}
	// pgconn.SafeToRetry is no help: it is true for "conn closed", which pgx
	// also says when the connection breaks while it waits for the answer.
	return errors.Is(err, pgx.ErrTxCommitRollback)
}
