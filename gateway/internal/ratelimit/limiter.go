package ratelimit

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/clientaddress"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// Config is the limit of each principal.
type Config struct {
	// Rate and Burst are the budget of all requests together.
	Rate, Burst int
	// Writes is a budget that those requests need besides which change
	// something; the zero value is none.
	Writes Budget
	// Proxies are believed when they say for whom a request without a valid token
	// comes; the zero value believes nobody.
	Proxies clientaddress.Proxies
}

// Budget is how much may be asked for.
type Budget struct {
	// Rate is how many requests a second are allowed for long, from 1.
	Rate int
	// Burst is how many may come at once, from 1.
	Burst int
}

func (b Budget) check() error {
	if b.Rate < 1 || b.Burst < 1 {
		return fmt.Errorf("rate limit of %d a second with bursts of %d: both must be 1 or more", b.Rate, b.Burst)
	}
	return nil
}

// interval is the time that one request takes from the budget.
func (b Budget) interval() time.Duration { return time.Second / time.Duration(b.Rate) }

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
	classes []class
	policy  []string // the value of the RateLimit-Policy field
	proxies clientaddress.Proxies
}

// class is a kind of requests with a budget of its own.
type class struct {
	name string
	// prefix keeps the keys of the classes apart.
	prefix string
	// writes is a class of those requests only that change something.
	writes bool
	local  counter
	shared counter // nil where this gateway counts alone
}

// New returns a limiter that counts in this process. Now is the clock, nil for
// time.Now. An error is a wrong setting.
func New(cfg Config, now func() time.Time) (*Limiter, error) { return newLimiter(cfg, nil, now) }

// NewShared returns a limiter of the gateways that have the same counts.
func NewShared(cfg Config, counts *Shared) (*Limiter, error) { return newLimiter(cfg, counts, nil) }

func newLimiter(cfg Config, counts *Shared, now func() time.Time) (*Limiter, error) {
	l := &Limiter{proxies: cfg.Proxies}
	if err := l.add(class{name: "default"}, Budget{cfg.Rate, cfg.Burst}, counts, now); err != nil {
		return nil, err
	}
	if cfg.Writes != (Budget{}) {
		if err := l.add(class{name: "writes", prefix: "writes:", writes: true}, cfg.Writes, counts, now); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Limiter) add(c class, budget Budget, counts *Shared, now func() time.Time) error {
	if err := budget.check(); err != nil {
		return err
	}
	own, err := newLocal(budget, now)
	if err != nil {
		return err
	}
	c.local = own
	if counts != nil {
		c.shared = newSharedCounter(counts, budget)
	}
	l.classes = append(l.classes, c)
	// In the form of draft-ietf-httpapi-ratelimit-headers-10.
	refill := math.Ceil(float64(budget.Burst) / float64(budget.Rate))
	l.policy = append(l.policy, fmt.Sprintf(`%q;q=%d;w=%.0f`, c.name, budget.Burst, refill))
	return nil
}

// AllowPrincipal counts one request that changes something for the principal of
// the context. It returns problem.RateLimited with RetryAfter when a limit is
// reached, and problem.Unavailable when it cannot be counted; the request must
// not be served then.
func (l *Limiter) AllowPrincipal(ctx context.Context) error {
	_, err := l.allow(ctx, principalKey(ctx), write)
	return err
}

// Middleware counts each request for its principal, and says in the answer what
// is left. It stands behind auth.Authenticate.
func (l *Limiter) Middleware() gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		left, err := l.allow(ctx, principalKey(ctx), kindOf(c.Request.Method))
		if len(left) > 0 {
			header := c.Writer.Header()
			header["Ratelimit-Policy"] = l.policy
			header["Ratelimit"] = left
		}
		if err != nil {
			httpserver.Fail(c, err)
			c.Abort()
		}
	}
}

// Refused counts a request without a valid token for its sender's address, in
// this process only. It returns problem.RateLimited when the limit is reached,
// also of one that would be refused anyway.
func (l *Limiter) Refused(c *gin.Context) error {
	_, err := l.allow(c.Request.Context(), "address:"+network(l.proxies.Of(c.Request)), stranger)
	return err
}

// allow counts one request in each class that it belongs to, until one refuses
// it. Left are the values of the RateLimit field.
func (l *Limiter) allow(ctx context.Context, key string, asked kind) (left []string, err error) {
	for i := range l.classes {
		c := &l.classes[i]
		if c.writes && asked != write {
			continue
		}
		taken, err := c.take(ctx, key, asked)
		if err != nil {
			return left, problem.New(problem.Unavailable, "the rate limit could not be checked").
				WithRetryAfter(time.Second).WithCause(err)
		}
		left = append(left, taken.field(c.name))
		if !taken.allowed {
			return left, problem.New(problem.RateLimited, "too many requests: wait as long as Retry-After says").
				WithRetryAfter(max(taken.retryAfter, time.Millisecond))
		}
	}
	return left, nil
}

func (c *class) take(ctx context.Context, key string, asked kind) (decision, error) {
	key = c.prefix + key
	if c.shared == nil || asked == stranger {
		return c.local.take(ctx, key)
	}
	taken, err := c.shared.take(ctx, key)
	if err != nil && asked == read {
		return c.local.take(ctx, key)
	}
	return taken, err
}

func principalKey(ctx context.Context) string { return "principal:" + auth.PrincipalOf(ctx).Subject }

// field is what the RateLimit field says of a class.
func (d decision) field(class string) string {
	seconds := int64(math.Ceil(d.full.Seconds()))
	return strconv.Quote(class) + ";r=" + strconv.Itoa(d.remaining) + ";t=" + strconv.FormatInt(seconds, 10)
}
