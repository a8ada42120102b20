package chassis

import (
	"time"

	"orderflow/internal/config"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

// Target are the limits of the calls that a process makes to one service. Embed
// one for each service, with the service's name as prefix:
//
//	Payment chassis.Target `embed:"" prefix:"payment-"`
//
// A number that is 0 is the service's own default, see resilience.Defaults.
type Target struct {
	Timeout time.Duration `default:"0" max:"1m" help:"How long one call may take; 0 is the default of the process."`

	MaxConcurrent int `default:"0" min:"0" max:"100000" help:"Calls at once; 0 is the service's default."`
	MaxQueue      int `default:"0" min:"0" max:"100000" help:"Calls that wait for one of those; of use with max-concurrent only."`

	CompensationConcurrent int `default:"0" min:"0" max:"100000" help:"Calls at once that undo, on top of the others; 0 is half of those, and at least 2."`
	CompensationQueue      int `default:"0" min:"0" max:"100000" help:"Calls that wait for one of those; of use with compensation-concurrent only."`

	BreakerFailures  int           `default:"5" min:"1" max:"1000" help:"Consecutive failures that open the circuit breaker."`
	BreakerSuccesses int           `default:"3" min:"1" max:"1000" help:"Consecutive successes that close it again."`
	BreakerOpenFor   time.Duration `default:"30s" min:"10ms" max:"1h" help:"How long it stays open before it tries again."`
	BreakerSlowCall  time.Duration `default:"0" max:"1m" help:"A call that takes longer counts as failed; 0 leaves that to the timeout."`

	RetryShare     float64 `default:"0.2" min:"0.001" max:"1" help:"Failing retries that each first call allows."`
	RetryPerSecond float64 `default:"1" min:"0.001" max:"100000" help:"Failing retries a second that are allowed besides."`
}

// Check refuses limits that contradict each other. Prefix is the one with which
// the struct is embedded; timeout is the process's default.
func (t Target) Check(prefix string, timeout time.Duration) error {
	if t.Timeout > 0 && t.Timeout < leastTimeout {
		return config.Wrong(prefix+"timeout", "%v is less than %v", t.Timeout, leastTimeout)
	}
	for _, pool := range []struct {
		concurrent, queue int
		of, wants         string
	}{
		{t.MaxConcurrent, t.MaxQueue, "max-queue", "max-concurrent"},
		{t.CompensationConcurrent, t.CompensationQueue, "compensation-queue", "compensation-concurrent"},
	} {
		if pool.concurrent == 0 && pool.queue > 0 {
			return config.Wrong(prefix+pool.of, "is only of use with --%s%s", prefix, pool.wants)
		}
	}
	if bound := t.timeout(timeout); t.BreakerSlowCall >= bound {
		return config.Wrong(prefix+"breaker-slow-call", "%v is not less than the call's timeout of %v", t.BreakerSlowCall, bound)
	}
	return nil
}

// leastTimeout is one that a healthy call can keep.
const leastTimeout = 10 * time.Millisecond

func (t Target) timeout(usual time.Duration) time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return usual
}

// RPC are the limits as the client of the service takes them; timeout is the
// process's default.
func (t Target) RPC(timeout time.Duration) rpc.Config {
	return rpc.Config{
		Timeout:      t.timeout(timeout),
		Bulkhead:     resilience.BulkheadConfig{MaxConcurrent: t.MaxConcurrent, MaxQueue: t.MaxQueue},
		Compensation: resilience.BulkheadConfig{MaxConcurrent: t.CompensationConcurrent, MaxQueue: t.CompensationQueue},
		Breaker:      t.Breaker(),
		RetryBudget:  resilience.RetryBudgetConfig{Share: t.RetryShare, MinPerSecond: t.RetryPerSecond},
	}
}

// Breaker are the limits of the circuit breaker alone.
func (t Target) Breaker() resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureThreshold: t.BreakerFailures, SuccessThreshold: t.BreakerSuccesses,
		OpenFor: t.BreakerOpenFor, SlowCall: t.BreakerSlowCall,
	}
}
