package resilience

import (
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

func TestWithDefaultsKeepsWhatIsSet(t *testing.T) {
	tests := map[string]struct{ set, want Config }{
		"nothing set": {
			set:  Config{},
			want: Defaults("payment"),
		},
		"all set": {
			set:  Config{BreakerConfig{1, 2, time.Second}, BulkheadConfig{3, 4}},
			want: Config{BreakerConfig{1, 2, time.Second}, BulkheadConfig{3, 4}},
		},
		"concurrency without a queue": {
			set:  Config{Bulkhead: BulkheadConfig{MaxConcurrent: 3}},
			want: Config{Defaults("payment").Breaker, BulkheadConfig{MaxConcurrent: 3}},
		},
		"one threshold": {
			set:  Config{Breaker: BreakerConfig{FailureThreshold: 9}},
			want: Config{BreakerConfig{9, 3, 30 * time.Second}, Defaults("payment").Bulkhead},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, test.set.WithDefaults("payment"))
		})
	}
}

func TestValidateNamesEveryWrongSetting(t *testing.T) {
	assert.NoError(t, Config{}.Validate())
	assert.NoError(t, Defaults("payment").Validate())

	err := Config{BreakerConfig{-1, -1, -1}, BulkheadConfig{-1, -1}}.Validate()
	for _, part := range []string{"failure threshold", "success threshold", "open time", "concurrency", "queue"} {
		assert.ErrorContains(t, err, part)
	}
	assert.ErrorContains(t, BulkheadConfig{MaxQueue: 1}.Validate(), "without a concurrency")
}
