package ratelimit

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// Config is the limit of each principal.
type Config struct {
	// Rate is how many requests a second are allowed for long, from 1.
	Rate int
	// Burst is how many may come at once, from 1.
	Burst int
}

func (c Config) check() error {
	if c.Rate < 1 || c.Burst < 1 {
		return fmt.Errorf("rate limit of %d a second with bursts of %d: both must be 1 or more", c.Rate, c.Burst)
	}
	return nil
}

// interval is the time that one request takes from the budget.
func (c Config) interval() time.Duration { return time.Second / time.Duration(c.Rate) }

// decision is the answer to one request.
type decision struct {
	allowed bool
	// retryAfter is when the next request would be allowed, of one that is not.
	retryAfter time.Duration
	// remaining is how many requests may come at once now.
	remaining int
	// full is when the whole burst may come again.
	full time.Duration
}

// counter counts requests by key. It is safe for concurrent use. The error says
// that it cannot count now.
type counter interface {
	take(ctx context.Context, key string) (decision, error)
}

// Limiter counts requests by key. It is safe for concurrent use.
type Limiter struct {
	policy string
	local  counter
	shared counter // nil where this gateway counts alone
}

// New returns a limiter that counts in this process. Now is the clock, nil for
// time.Now. An error is a wrong setting.
func New(cfg Config, now func() time.Time) (*Limiter, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	counts, err := newLocal(cfg, now)
	if err != nil {
		return nil, err
	}
	// In the form of draft-ietf-httpapi-ratelimit-headers-10.
	refill := math.Ceil(float64(cfg.Burst) / float64(cfg.Rate))
	return &Limiter{policy: fmt.Sprintf(`"default";q=%d;w=%.0f`, cfg.Burst, refill), local: counts}, nil
}

// NewShared returns a limiter of the gateways that have the same counts.
func NewShared(cfg Config, counts *Shared) (*Limiter, error) {
	l, err := New(cfg, nil)
	if err != nil {
		return nil, err
	}
	l.shared = &sharedCounter{Shared: counts, cfg: cfg}
	return l, nil
}

// AllowPrincipal counts one request that changes something for the principal of
// the context. It returns problem.RateLimited with RetryAfter when the limit is
// reached, and problem.Unavailable when it cannot be counted; the request must
// not be served then.
func (l *Limiter) AllowPrincipal(ctx context.Context) error {
	_, err := l.allow(ctx, principalKey(ctx), false)
	return err
}

// Middleware counts each request for its principal, and says in the answer what
// is left. It stands behind auth.Authenticate.
func (l *Limiter) Middleware() gin.HandlerFunc {
	policy := []string{l.policy}
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		taken, err := l.allow(ctx, principalKey(ctx), isRead(c.Request.Method))
		if taken != (decision{}) {
			header := c.Writer.Header()
			header["Ratelimit-Policy"] = policy
			header["Ratelimit"] = []string{taken.header()}
		}
		if err != nil {
			httpserver.Fail(c, err)
			c.Abort()
		}
	}
}

// Refused counts a request without a valid token for its sender's address. It
// returns problem.RateLimited when the limit is reached, also of one that would
// be refused anyway.
func (l *Limiter) Refused(c *gin.Context) error {
	_, err := l.allow(c.Request.Context(), "address:"+network(c.RemoteIP()), true)
	return err
}

// allow counts one request. Harmless says that it may be counted in this process
// alone while the others cannot be asked: it then costs too much at most. A
// limiter that cannot count does not open the door to writes.
func (l *Limiter) allow(ctx context.Context, key string, harmless bool) (decision, error) {
	first := l.local
	if l.shared != nil {
		first = l.shared
	}
	taken, err := first.take(ctx, key)
	if err != nil && l.shared != nil && harmless {
		taken, err = l.local.take(ctx, key)
	}
	switch {
	case err != nil:
		return taken, problem.New(problem.Unavailable, "the rate limit could not be checked").
			WithRetryAfter(time.Second).WithCause(err)
	case !taken.allowed:
		return taken, problem.New(problem.RateLimited, "too many requests: wait as long as Retry-After says").
			WithRetryAfter(max(taken.retryAfter, time.Millisecond))
	}
	return taken, nil
}

func principalKey(ctx context.Context) string { return "principal:" + auth.PrincipalOf(ctx).Subject }

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// header is the value of the RateLimit field.
func (d decision) header() string {
	seconds := int64(math.Ceil(d.full.Seconds()))
	return `"default";r=` + strconv.Itoa(d.remaining) + ";t=" + strconv.FormatInt(seconds, 10)
}
