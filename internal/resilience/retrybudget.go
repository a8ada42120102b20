package resilience

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// RetryBudgetConfig says how many retries a target may get. A zero field takes
// the default.
type RetryBudgetConfig struct {
	// Share is how many retries each first call allows, 0 < Share <= 1.
	// Default 0.2, as in Finagle: a failing target gets at most a fifth more
	// calls than without retries.
	Share float64 `json:"share"`
	// MinPerSecond is how many retries a second are allowed besides, so that a
	// quiet system, whose few first calls allow next to nothing, can always
	// retry. Default 1.
	MinPerSecond float64 `json:"minPerSecond"`
}

// reserveTime is for how long MinPerSecond is saved up while nobody retries, as
// in Finagle. The reserve is what the budget can hold at most.
const reserveTime = 10 * time.Second

// Validate reports every setting of the budget that is out of its range.
func (c RetryBudgetConfig) Validate() error {
	const most = 1_000_000
	var errs []error
	if !(c.Share >= 0 && c.Share <= 1) { // NaN is refused as well
		errs = append(errs, fmt.Errorf("retry budget share %v: want more than 0, at most 1, or 0 for the default", c.Share))
	}
	if !(c.MinPerSecond >= 0 && c.MinPerSecond <= most) { // NaN is refused as well
		errs = append(errs, fmt.Errorf("retry budget minimum %v a second: want more than 0, at most %d, or 0 for the default", c.MinPerSecond, most))
	}
	return errors.Join(errs...)
}

func (c RetryBudgetConfig) withDefaults() RetryBudgetConfig {
	if c.Share <= 0 {
		c.Share = 0.2
	}
	if c.MinPerSecond <= 0 {
		c.MinPerSecond = 1
	}
	return c
}

// RetryBudget bounds the retries for one purpose to one target while it is
// failing, so that they do not become the greater part of its load. It is a
// bucket of tokens: a retry takes one and brings it back when it did not fail;
// each first call puts in a share of one, and time puts in a few. A retry that
// finds none is not made.
//
// So, with c first calls in t seconds, no more than
//
//	Share*c + MinPerSecond*t + 10 s * MinPerSecond
//
// retries fail. A target that has recovered is not held back: its retries
// succeed, and cost nothing.
//
// The bucket is that of Finagle's RetryBudget; that a success costs nothing is
// the idea of gRPC's retry throttling (gRFC A6).
type RetryBudget struct {
	target   string
	purpose  Purpose
	cfg      RetryBudgetConfig
	capacity float64

	mu       sync.Mutex
	tokens   float64
	refilled time.Time
	stats    RetryBudgetStats
}

// RetryBudgetStats are a budget's figures at one moment.
type RetryBudgetStats struct {
	Tokens  float64 `json:"tokens"`  // retries that are allowed now
	Calls   uint64  `json:"calls"`   // first calls, in total
	Retries uint64  `json:"retries"` // retries that were made, in total
	Refused uint64  `json:"refused"` // retries that were not allowed, in total
}

// NewRetryBudget returns a full budget for the retries of forward calls. What is
// not set in cfg has its default.
func NewRetryBudget(target string, cfg RetryBudgetConfig) *RetryBudget {
	return newBudget(target, Forward, cfg)
}

func newBudget(target string, purpose Purpose, cfg RetryBudgetConfig) *RetryBudget {
	cfg = cfg.withDefaults()
	capacity := max(cfg.MinPerSecond*reserveTime.Seconds(), 1)
	return &RetryBudget{
		target: target, purpose: purpose, cfg: cfg,
		capacity: capacity, tokens: capacity, refilled: time.Now(),
	}
}

// Earn counts a first call.
func (b *RetryBudget) Earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Calls++
	b.put(b.cfg.Share)
}

// Spend takes the token for a retry, or fails with a *RetryBudgetError. The
// retry counts when it is made, see Made: something else may hold it back yet.
func (b *RetryBudget) Spend() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if b.tokens < 1 {
		b.stats.Refused++
		return &RetryBudgetError{Target: b.target, Purpose: b.purpose}
	}
	b.tokens--
	return nil
}

// Made counts a retry that has taken its token and is made now.
func (b *RetryBudget) Made() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Retries++
}

// Refund brings back the token of a retry that did not fail.
func (b *RetryBudget) Refund() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(1)
}

// Stats returns the figures of this moment.
func (b *RetryBudget) Stats() RetryBudgetStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	stats := b.stats
	stats.Tokens = b.tokens
	return stats
}

// refill puts in what time has allowed since the last time. The caller holds
// the lock.
func (b *RetryBudget) refill() {
	now := time.Now()
	b.put(now.Sub(b.refilled).Seconds() * b.cfg.MinPerSecond)
	b.refilled = now
}

func (b *RetryBudget) put(tokens float64) { b.tokens = min(b.tokens+tokens, b.capacity) }
