package sqlstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Dialect is the database behind a DSN.
type Dialect string

// The two databases that the one SQL text is written for.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// busyTimeout is how long SQLite waits for a lock of another process.
const busyTimeout = 5 * time.Second

// walLimit is the size in bytes to which SQLite's write-ahead log shrinks.
const walLimit = 16 << 20

// ErrBadDSN reports a DSN that names no database this package knows. The
// process refuses to start with it.
var ErrBadDSN = errors.New("a DSN is sqlite:PATH or postgres://USER@HOST/DATABASE")

// dsn is a parsed DSN.
type dsn struct {
	dialect Dialect
	// path is SQLite's file, cleaned.
	path string
	// postgres is how to reach the server.
	postgres *pgx.ConnConfig
	// connections is the limit of PostgreSQL's pool.
	connections int
}

func parseDSN(text string) (dsn, error) {
	switch {
	case strings.HasPrefix(text, "sqlite:"):
		path := strings.TrimPrefix(strings.TrimPrefix(text, "sqlite:"), "//")
		// Options are for this package to set, and a database in memory would
		// be another one for each connection.
		if path == "" || path == ":memory:" || strings.ContainsAny(path, "?\x00") {
			return dsn{}, fmt.Errorf("%q: %w", text, ErrBadDSN)
		}
		return dsn{dialect: SQLite, path: filepath.Clean(path)}, nil
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		return parsePostgres(text)
	default:
		return dsn{}, ErrBadDSN
	}
}

// where names the database, without user and password.
func (d dsn) where() string {
	if d.dialect == SQLite {
		return d.path
	}
	host := d.postgres.Host
	if !strings.HasPrefix(host, "/") { // else it is the folder of a socket
		host = net.JoinHostPort(host, strconv.Itoa(int(d.postgres.Port)))
	}
	return "postgres " + host + "/" + d.postgres.Database
}

// CheckDSN reports ErrBadDSN when the text is no DSN, so that a process can
// refuse a wrong setting before it opens anything.
func CheckDSN(text string) error {
	_, err := parseDSN(text)
	return err
}

// sqliteURI gives every connection its own busy timeout and durability:
// pragmas are per connection, not per database. synchronous FULL makes a
// commit survive a power cut, which the ledger and the events promise; see
// InTxAsyncCommit and InTxInterim for the exceptions.
//
// The mode is SQLite's: rwc makes a missing file, rw does not.
func (d dsn) sqliteURI(readOnly bool, mode string) string {
	values := url.Values{"mode": {mode}}
	values.Add("_pragma", "busy_timeout("+strconv.FormatInt(busyTimeout.Milliseconds(), 10)+")")
	values.Add("_pragma", "journal_mode(WAL)")
	values.Add("_pragma", "synchronous(FULL)")
	values.Add("_pragma", "foreign_keys(1)")
	// The log grows while a reader holds on to an old state; once it starts
	// again from its beginning, what is above this size goes back to the disk.
	values.Add("_pragma", "journal_size_limit("+strconv.Itoa(walLimit)+")")
	if readOnly {
		values.Add("_pragma", "query_only(1)")
	}
	return d.fileURI() + "?" + values.Encode()
}

// fileURI names the file and nothing else.
func (d dsn) fileURI() string { return "file:" + (&url.URL{Path: d.path}).EscapedPath() }
