package rpc

import (
	"errors"
	"fmt"
	"time"

	"orderflow/internal/resilience"
)

// Config bounds the calls to one target. The zero value is right: each field
// that is not set takes its default.
type Config struct {
	// Timeout bounds one attempt, from the choice of an instance to the last
	// byte of the answer. It does not include the wait in the bulkhead's
	// queue, which the caller's context bounds. An attempt that the caller's
	// context ends sooner counts against the target only when it had half of
	// Timeout, or 750 ms if that is less. Default 5 s.
	Timeout time.Duration
	// The rest of the guard has the defaults of resilience.Defaults.
	Breaker      resilience.BreakerConfig
	Bulkhead     resilience.BulkheadConfig
	Compensation resilience.BulkheadConfig
	RetryBudget  resilience.RetryBudgetConfig
	// AnswerLimit is the largest body that is accepted, in bytes. Default
	// 8 MiB.
	AnswerLimit int64
}

const (
	defaultTimeout     = 5 * time.Second
	defaultAnswerLimit = 8 << 20
)

// WithDefaults returns the configuration with the target's defaults in place
// of what is not set.
func (c Config) WithDefaults(target string) Config {
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.AnswerLimit <= 0 {
		c.AnswerLimit = defaultAnswerLimit
	}
	guard := c.guard().WithDefaults(target)
	c.Breaker, c.Bulkhead = guard.Breaker, guard.Bulkhead
	c.Compensation, c.RetryBudget = guard.Compensation, guard.RetryBudget
	return c
}

// Validate reports every setting that is out of its range, all at once. Call
// it at start, so that a wrong setting is refused instead of replaced by its
// default.
func (c Config) Validate() error {
	var errs []error
	if c.Timeout < 0 {
		errs = append(errs, fmt.Errorf("call timeout %s: want more than 0, or 0 for the default", c.Timeout))
	}
	if c.AnswerLimit < 0 {
		errs = append(errs, fmt.Errorf("answer limit %d bytes: want more than 0, or 0 for the default", c.AnswerLimit))
	}
	if timeout := c.WithDefaults("").Timeout; c.Breaker.SlowCall >= timeout {
		errs = append(errs, fmt.Errorf("breaker limit of slow calls %s: want less than the call timeout %s", c.Breaker.SlowCall, timeout))
	}
	return errors.Join(append(errs, c.guard().Validate())...)
}

func (c Config) guard() resilience.Config {
	return resilience.Config{
		Breaker:      c.Breaker,
		Bulkhead:     c.Bulkhead,
		Compensation: c.Compensation,
		RetryBudget:  c.RetryBudget,
	}
}
