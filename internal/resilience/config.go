package resilience

import (
	"errors"
	"fmt"
	"time"
)

// BreakerConfig says when a circuit breaker opens and closes. A zero field
// takes the default.
type BreakerConfig struct {
	// FailureThreshold is how many consecutive failures open the breaker.
	// Default 5.
	FailureThreshold int `json:"failureThreshold"`
	// SuccessThreshold is how many consecutive successes close a half-open
	// breaker. As many calls at most are let through while it is half-open.
	// Default 3.
	SuccessThreshold int `json:"successThreshold"`
	// OpenFor is how long the breaker stays open before it is half-open.
	// Default 30 s.
	OpenFor time.Duration `json:"openFor"`
	// SlowCall is how long a call may take. One that takes longer counts as
	// failed, though its answer is used. Default 0, which sets no limit: as in
	// the brief, an answer is a success, and a call is too slow when its
	// timeout says so. A limit below the timeout takes knowledge of the target:
	// what is slow for a catalogue is quick for a payment provider.
	SlowCall time.Duration `json:"slowCall"`
}

// BulkheadConfig bounds the calls to one target. A zero MaxConcurrent takes
// the target's default for both fields.
type BulkheadConfig struct {
	// MaxConcurrent is how many calls may be under way at once.
	MaxConcurrent int `json:"maxConcurrent"`
	// MaxQueue is how many more may wait, first come, first served. 0 means
	// that nothing waits.
	MaxQueue int `json:"maxQueue"`
}

// Config is the guard's configuration for one target.
type Config struct {
	Breaker  BreakerConfig
	Bulkhead BulkheadConfig // of forward calls
	// Compensation bounds the calls that undo. They come on top of the forward
	// ones: the target must bear the sum. Default half of Bulkhead, at least 2
	// and 2.
	Compensation BulkheadConfig
	RetryBudget  RetryBudgetConfig // of each purpose
}

// leastCompensation keeps one compensation that hangs from stopping all.
const leastCompensation = 2

func (c BulkheadConfig) forCompensation() BulkheadConfig {
	return BulkheadConfig{
		MaxConcurrent: max(c.MaxConcurrent/2, leastCompensation),
		MaxQueue:      max(c.MaxQueue/2, leastCompensation),
	}
}

// bulkheadDefaults is the one table of default sizes. Payment, inventory and
// notification have the design's numbers. The order service is called several
// times by each order; shipping has a slow provider behind it, as payment has;
// customer and catalog only serve short reads.
var bulkheadDefaults = map[string]BulkheadConfig{
	"payment":      {MaxConcurrent: 10, MaxQueue: 20},
	"inventory":    {MaxConcurrent: 5, MaxQueue: 10},
	"notification": {MaxConcurrent: 20, MaxQueue: 50},
	"order":        {MaxConcurrent: 20, MaxQueue: 50},
	"shipping":     {MaxConcurrent: 10, MaxQueue: 20},
	"customer":     {MaxConcurrent: 20, MaxQueue: 50},
	"catalog":      {MaxConcurrent: 20, MaxQueue: 50},
}

// Defaults returns the configuration that a target has when nothing is set. A
// target that is not in the table gets a bulkhead of 10 with a queue of 20.
func Defaults(target string) Config {
	bulkhead, ok := bulkheadDefaults[target]
	if !ok {
		bulkhead = BulkheadConfig{MaxConcurrent: 10, MaxQueue: 20}
	}
	return Config{
		Breaker:      BreakerConfig{FailureThreshold: 5, SuccessThreshold: 3, OpenFor: 30 * time.Second},
		Bulkhead:     bulkhead,
		Compensation: bulkhead.forCompensation(),
		RetryBudget:  RetryBudgetConfig{}.withDefaults(),
	}
}

// WithDefaults returns the configuration with the target's defaults in place
// of what is not set.
func (c Config) WithDefaults(target string) Config {
	d := Defaults(target)
	if c.Breaker.FailureThreshold <= 0 {
		c.Breaker.FailureThreshold = d.Breaker.FailureThreshold
	}
	if c.Breaker.SuccessThreshold <= 0 {
		c.Breaker.SuccessThreshold = d.Breaker.SuccessThreshold
	}
	if c.Breaker.OpenFor <= 0 {
		c.Breaker.OpenFor = d.Breaker.OpenFor
	}
	if c.Bulkhead.MaxConcurrent <= 0 {
		c.Bulkhead = d.Bulkhead
	}
	c.Bulkhead.MaxQueue = max(c.Bulkhead.MaxQueue, 0)
	if c.Compensation.MaxConcurrent <= 0 {
		c.Compensation = c.Bulkhead.forCompensation()
	}
	c.Compensation.MaxQueue = max(c.Compensation.MaxQueue, 0)
	c.RetryBudget = c.RetryBudget.withDefaults()
	return c
}

// Validate reports every setting that is out of its range, all at once. Call
// it at start, so that a wrong setting is refused instead of replaced by its
// default.
func (c Config) Validate() error {
	return errors.Join(
		c.Breaker.Validate(),
		c.Bulkhead.Validate(),
		c.Compensation.validate("compensation bulkhead"),
		c.RetryBudget.Validate())
}

// Validate reports every setting of the breaker that is out of its range.
func (c BreakerConfig) Validate() error {
	const most = 1_000_000
	var errs []error
	if c.FailureThreshold < 0 || c.FailureThreshold > most {
		errs = append(errs, fmt.Errorf("breaker failure threshold %d: want 1 to %d, or 0 for the default", c.FailureThreshold, most))
	}
	if c.SuccessThreshold < 0 || c.SuccessThreshold > most {
		errs = append(errs, fmt.Errorf("breaker success threshold %d: want 1 to %d, or 0 for the default", c.SuccessThreshold, most))
	}
	if c.OpenFor < 0 {
		errs = append(errs, fmt.Errorf("breaker open time %s: want more than 0, or 0 for the default", c.OpenFor))
	}
	if c.SlowCall < 0 {
		errs = append(errs, fmt.Errorf("breaker limit of slow calls %s: want more than 0, or 0 for none but the timeout", c.SlowCall))
	}
	return errors.Join(errs...)
}

// Validate reports every setting of the bulkhead that is out of its range.
func (c BulkheadConfig) Validate() error { return c.validate("bulkhead") }

func (c BulkheadConfig) validate(name string) error {
	var errs []error
	if c.MaxConcurrent < 0 {
		errs = append(errs, fmt.Errorf("%s concurrency %d: want 1 or more, or 0 for the default", name, c.MaxConcurrent))
	}
	if c.MaxQueue < 0 {
		errs = append(errs, fmt.Errorf("%s queue %d: want 0 or more", name, c.MaxQueue))
	}
	if c.MaxConcurrent == 0 && c.MaxQueue > 0 {
		errs = append(errs, fmt.Errorf("%s queue %d without a concurrency: set both", name, c.MaxQueue))
	}
	return errors.Join(errs...)
}
