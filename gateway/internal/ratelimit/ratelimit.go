// Package ratelimit bounds how many requests one principal may make: by the
// generic cell rate algorithm (GCRA), with a steady rate and a burst. Who has
// no valid token is counted by network address.
//
// The counts live in this process: two gateways allow twice the rate. It is
// not a protection against many senders at once; that is load shedding.
package ratelimit

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// maxKeys bounds the memory: the least recently seen principals are forgotten,
// which gives them their full burst back.
const maxKeys = 100_000

// Limiter counts requests by key. It is safe for concurrent use.
type Limiter struct {
	quota *throttled.GCRARateLimiterCtx
}

// Config is the limit of each principal.
type Config struct {
	// Rate is how many requests a second are allowed for long, from 1.
	Rate int
	// Burst is how many may come at once, from 1.
	Burst int
}

// New returns a limiter. Now is the clock, nil for time.Now. An error is a
// wrong setting.
func New(cfg Config, now func() time.Time) (*Limiter, error) {
	if cfg.Rate < 1 || cfg.Burst < 1 {
		return nil, fmt.Errorf("rate limit of %d a second with bursts of %d: both must be 1 or more", cfg.Rate, cfg.Burst)
	}
	store, err := memstore.New(maxKeys)
	if err != nil {
		return nil, fmt.Errorf("making the rate limiter's store: %w", err)
	}
	if now != nil {
		store.SetTimeNow(now)
	}
	quota, err := throttled.NewGCRARateLimiterCtx(throttled.WrapStoreWithContext(store), throttled.RateQuota{
		MaxRate: throttled.PerSec(cfg.Rate),
		// The first request is not part of the library's burst.
		MaxBurst: cfg.Burst - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("making the rate limiter: %w", err)
	}
	// The store compares and swaps: each failed attempt means that an equal
	// request came through, so that this bounds requests at once and not time.
	quota.SetMaxCASAttemptsLimit(10_000)
	return &Limiter{quota: quota}, nil
}

// Allow counts one request. It returns problem.RateLimited with RetryAfter
// when the key's limit is reached; the request must not be served then.
func (l *Limiter) Allow(ctx context.Context, key string) error {
	limited, result, err := l.quota.RateLimitCtx(ctx, key, 1)
	switch {
	case err != nil:
		// A limiter that cannot count does not open the door.
		return problem.New(problem.Unavailable, "the rate limit could not be checked").
			WithRetryAfter(time.Second).WithCause(err)
	case limited:
		return problem.New(problem.RateLimited, "too many requests: wait as long as Retry-After says").
			WithRetryAfter(max(result.RetryAfter, time.Millisecond))
	}
	return nil
}

// AllowPrincipal counts one request for the principal of the context, as Allow
// does.
func (l *Limiter) AllowPrincipal(ctx context.Context) error {
	return l.Allow(ctx, "principal:"+auth.PrincipalOf(ctx).Subject)
}

// Middleware counts each request for its principal. It stands behind
// auth.Authenticate.
func (l *Limiter) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := l.AllowPrincipal(c.Request.Context()); err != nil {
			httpserver.Fail(c, err)
			c.Abort()
		}
	}
}

// Refused counts a request without a valid token for its sender's address.
func (l *Limiter) Refused(c *gin.Context) error {
	return l.Allow(c.Request.Context(), "address:"+network(c.RemoteIP()))
}

// network is what one sender has for themselves: an IPv4 address, or a /64 of
// IPv6 (RFC 6177).
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}
