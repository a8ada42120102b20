package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"orderflow/internal/resilience"
)

const (
	// A count that takes longer than this is none, and none is waited for longer
	// while others are under way: the client waits for both.
	countTimeout = 250 * time.Millisecond
	// prepareTimeout is for what happens at the start, and again until it has
	// worked once.
	prepareTimeout = 2 * time.Second
	prepareAgain   = time.Second
	// sweepEvery is how often the rows of idle principals are removed.
	sweepEvery = time.Minute
	// connections are few: a count takes well below a millisecond. One of them is
	// for Keep.
	connections = 5
)

// errBusy says that too many requests are being counted. It says nothing about
// the database.
var errBusy = errors.New("too many requests wait to be counted")

// Shared are counts in PostgreSQL, which several gateways have in common. It is
// safe for concurrent use.
//
// There is a row for each key that was seen lately, with the key's theoretical
// arrival time (TAT) in microseconds since 1970: when its whole burst is
// available again. It is the server's clock that counts, so that those of the
// gateways may differ. The table is not logged: after a crash of the server all
// have their full burst, which is better than a disk write for each request.
type Shared struct {
	pool    *pgxpool.Pool
	places  chan struct{} // one is taken by each count that is under way
	timeout time.Duration // of a count, and of waiting for a place
	breaker *resilience.Breaker
	log     *zap.Logger
}

// CheckDSN reports whether a text can be given to OpenShared. The error quotes
// nothing of it, because it may hold a password.
func CheckDSN(dsn string) error {
	_, err := pgxpool.ParseConfig(dsn)
	// Other forms are taken by the library too, the empty text among them.
	if err != nil || !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return errors.New("it is no postgres://USER@HOST/DATABASE")
	}
	return nil
}

// OpenShared prepares the counts in the database of a postgres:// DSN, which may
// take two seconds. The database need not be there yet: while it is not,
// nothing is counted, and Keep tries again. An error is a wrong DSN.
func OpenShared(dsn string, log *zap.Logger) (*Shared, error) {
	if err := CheckDSN(dsn); err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if cfg.MaxConns < connections {
		cfg.MaxConns = connections
	}
	cfg.ConnConfig.ConnectTimeout = prepareTimeout
	if _, given := cfg.ConnConfig.RuntimeParams["statement_timeout"]; !given {
		cfg.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(countTimeout.Milliseconds())
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the shared rate limits: %w", err)
	}
	s := &Shared{pool: pool, places: make(chan struct{}, cfg.MaxConns-1), timeout: countTimeout, log: log}
	// Whoever cannot be asked is not asked by every request.
	s.breaker = resilience.NewBreaker("rate limits", resilience.BreakerConfig{
		FailureThreshold: 3, SuccessThreshold: 1, OpenFor: time.Second,
	}, nil, s.changed)
	if err := s.prepare(context.Background()); err != nil {
		log.Warn("the shared rate limits cannot be used; writes are refused until they can", zap.Error(err))
	}
	return s, nil
}

// Close ends the connections.
func (s *Shared) Close() error {
	s.pool.Close()
	return nil
}

// changed hears when the database is given up, and when it is back.
func (s *Shared) changed(t resilience.Transition) {
	switch t.To {
	case resilience.Open:
		s.log.Warn("the shared rate limits cannot be counted: writes are refused, and reads counted in this process")
	case resilience.Closed:
		s.log.Info("the shared rate limits can be counted again")
	case resilience.HalfOpen:
	}
}

// schema is made by whichever gateway comes first. Rows are rewritten all the
// time, which a half empty page allows in place.
const schema = `
	SELECT pg_advisory_xact_lock(7426034517);
	CREATE UNLOGGED TABLE IF NOT EXISTS rate_limit (
		key TEXT PRIMARY KEY,
		tat BIGINT NOT NULL
	) WITH (fillfactor = 50);`

// prepare makes the table.
func (s *Shared) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	// Several statements at once are one transaction.
	_, err := s.pool.Exec(ctx, schema, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Keep makes what OpenShared could not, and then removes the rows of those who
// have been idle, until ctx ends. The error is always nil.
func (s *Shared) Keep(ctx context.Context) error {
	wait := time.Duration(0)
	for prepared := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if !prepared {
			prepared, wait = s.prepare(ctx) == nil, prepareAgain
			continue
		}
		wait = sweepEvery
		if err := s.sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("idle rate limits could not be removed", zap.Error(err))
		}
	}
}

// microseconds is the server's clock.
const microseconds = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// sweep removes the rows that say no more than no row would: the whole burst is
// available.
func (s *Shared) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	_, err := s.pool.Exec(ctx, `DELETE FROM rate_limit WHERE tat <= `+microseconds)
	return err
}

// before is the TAT before a request, in the terms of take.
const before = `CASE
			WHEN known.tat > excluded.tat - $2 + $3 + 1000000 THEN excluded.tat - $2 + $3 - $2
			ELSE greatest(known.tat, excluded.tat - $2) END`

// take is GCRA in one statement. A request moves the key's TAT by the interval,
// unless that would take it further into the future than the burst allows: then
// nothing is written. The row lock makes requests of one key wait for each
// other. $2 is the interval, $3 the burst as a time, in microseconds. What it
// returns is how far in the future the TAT is.
//
// A TAT much further in the future than the burst allows was written before the
// server's clock was set back. It would lock the key out until the clock is
// there again, and so counts as a burst that is used up but for one request. The
// second on top is for requests that waited for the row: their now is older than
// the row.
const take = `
	WITH clock AS (SELECT ` + microseconds + ` AS now),
	taken AS (
		INSERT INTO rate_limit AS known (key, tat)
		SELECT $1::text, now + $2::bigint FROM clock
		ON CONFLICT (key) DO UPDATE
		SET tat = ` + before + ` + $2
		WHERE ` + before + ` + $2 <= excluded.tat - $2 + $3::bigint
		RETURNING tat
	)
	SELECT true, tat - now FROM taken, clock
	UNION ALL
	SELECT false, tat - now FROM rate_limit, clock WHERE key = $1 AND NOT EXISTS (SELECT FROM taken)`

// sharedCounter counts by one budget.
type sharedCounter struct {
	*Shared
	budget Budget
	denied *denials
}

func newSharedCounter(counts *Shared, budget Budget) *sharedCounter {
	return &sharedCounter{Shared: counts, budget: budget, denied: newDenials(time.Now)}
}

func (c *sharedCounter) take(ctx context.Context, key string) (taken decision, err error) {
	if refusal, known := c.denied.find(key); known {
		return refusal, nil
	}
	err = c.breaker.Run(ctx, func(ctx context.Context) (resilience.Outcome, error) {
		if err := c.enter(ctx); err != nil {
			return resilience.Ignored, err
		}
		defer c.leave()
		began := time.Now()
		taken, err = c.count(ctx, key)
		return c.breaker.Judge(ctx, err, time.Since(began)), err
	})
	if err == nil && !taken.allowed {
		c.denied.put(key, taken)
	}
	return taken, err
}

// enter waits for a place among the counts that are under way. So a count finds
// a connection at once, and its time is the database's alone: who waits for
// others learns nothing about it. The error is errBusy or that of ctx.
func (s *Shared) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errBusy)
	defer cancel()
	select {
	case s.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Shared) leave() { <-s.places }

func (c *sharedCounter) count(ctx context.Context, key string) (decision, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	interval := c.budget.interval()
	burst := interval * time.Duration(c.budget.Burst)

	var allowed bool
	var ahead int64
	err := c.pool.QueryRow(ctx, take, key, interval.Microseconds(), burst.Microseconds()).Scan(&allowed, &ahead)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		// Another request made the row, and used up the burst, after this
		// statement had begun: it does not see the row.
		return decision{retryAfter: interval, full: burst}, nil
	case err != nil:
		return decision{}, fmt.Errorf("counting in the database: %w", err)
	}
	full := time.Duration(ahead) * time.Microsecond
	left := burst - full
	if !allowed {
		return decision{retryAfter: interval - left, full: full}, nil
	}
	return decision{allowed: true, remaining: int(left / interval), full: full}, nil
}
