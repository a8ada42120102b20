package resilience

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDefaultsAreTheDesigns(t *testing.T) {
	for target, want := range map[string]BulkheadConfig{
		"payment":      {MaxConcurrent: 10, MaxQueue: 20},
		"inventory":    {MaxConcurrent: 5, MaxQueue: 10},
		"notification": {MaxConcurrent: 20, MaxQueue: 50},
	} {
		assert.Equal(t, want, Defaults(target).Bulkhead, target)
	}
	breaker := BreakerConfig{FailureThreshold: 5, SuccessThreshold: 3, OpenFor: 30 * time.Second}
	assert.Equal(t, breaker, Defaults("payment").Breaker)
	assert.NotZero(t, Defaults("anything").Bulkhead.MaxConcurrent)
}

func TestCompensationGetsHalfOfTheForwardPoolAndNeverLessThanTwo(t *testing.T) {
	for forward, want := range map[BulkheadConfig]BulkheadConfig{
		{MaxConcurrent: 10, MaxQueue: 20}: {MaxConcurrent: 5, MaxQueue: 10},
		{MaxConcurrent: 5, MaxQueue: 10}:  {MaxConcurrent: 2, MaxQueue: 5},
		{MaxConcurrent: 1, MaxQueue: 0}:   {MaxConcurrent: 2, MaxQueue: 2},
	} {
		assert.Equal(t, want, Config{Bulkhead: forward}.WithDefaults("payment").Compensation)
	}
}

func TestWithDefaultsKeepsWhatIsSet(t *testing.T) {
	all := Config{
		Breaker:      BreakerConfig{FailureThreshold: 1, SuccessThreshold: 2, OpenFor: time.Second, SlowCall: time.Minute},
		Bulkhead:     BulkheadConfig{MaxConcurrent: 3, MaxQueue: 4},
		Compensation: BulkheadConfig{MaxConcurrent: 5},
		RetryBudget:  RetryBudgetConfig{Share: 0.5, MinPerSecond: 7},
	}
	tests := map[string]struct {
		set  Config
		want func(*Config) // what is other than the defaults
	}{
		"nothing set": {Config{}, func(*Config) {}},
		"all set":     {all, func(c *Config) { *c = all }},
		"concurrency without a queue": {Config{Bulkhead: BulkheadConfig{MaxConcurrent: 8}}, func(c *Config) {
			c.Bulkhead = BulkheadConfig{MaxConcurrent: 8}
			c.Compensation = BulkheadConfig{MaxConcurrent: 4, MaxQueue: 2}
		}},
		"one threshold": {Config{Breaker: BreakerConfig{FailureThreshold: 9}}, func(c *Config) {
			c.Breaker.FailureThreshold = 9
		}},
		"one part of the budget": {Config{RetryBudget: RetryBudgetConfig{Share: 1}}, func(c *Config) {
			c.RetryBudget.Share = 1
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			want := Defaults("payment")
			test.want(&want)
			assert.Equal(t, want, test.set.WithDefaults("payment"))
		})
	}
}

func TestValidateNamesEveryWrongSetting(t *testing.T) {
	assert.NoError(t, Config{}.Validate())
	assert.NoError(t, Defaults("payment").Validate())

	err := Config{
		Breaker:      BreakerConfig{FailureThreshold: -1, SuccessThreshold: -1, OpenFor: -1, SlowCall: -1},
		Bulkhead:     BulkheadConfig{MaxConcurrent: -1, MaxQueue: -1},
		Compensation: BulkheadConfig{MaxQueue: 1},
		RetryBudget:  RetryBudgetConfig{Share: 1.5, MinPerSecond: math.NaN()},
	}.Validate()
	for _, part := range []string{
		"failure threshold", "success threshold", "open time", "slow calls",
		"bulkhead concurrency", "bulkhead queue", "compensation bulkhead queue 1 without a concurrency",
		"share 1.5", "minimum NaN",
	} {
		assert.ErrorContains(t, err, part)
	}
}
