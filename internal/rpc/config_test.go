package rpc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/resilience"
)

func TestUnsetSettingsTakeTheTargetsDefaults(t *testing.T) {
	guard := resilience.Defaults("inventory")
	assert.Equal(t, Config{
		Timeout:      5 * time.Second,
		Breaker:      guard.Breaker,
		Bulkhead:     guard.Bulkhead,
		Compensation: guard.Compensation,
		RetryBudget:  guard.RetryBudget,
		AnswerLimit:  8 << 20,
	}, Config{}.WithDefaults("inventory"))

	set := Config{
		Timeout:      time.Second,
		Breaker:      resilience.BreakerConfig{FailureThreshold: 1, SuccessThreshold: 1, OpenFor: time.Second, SlowCall: 1},
		Bulkhead:     resilience.BulkheadConfig{MaxConcurrent: 2, MaxQueue: 3},
		Compensation: resilience.BulkheadConfig{MaxConcurrent: 4, MaxQueue: 5},
		RetryBudget:  resilience.RetryBudgetConfig{Share: 1, MinPerSecond: 2},
		AnswerLimit:  4,
	}
	assert.Equal(t, set, set.WithDefaults("inventory"))
}

func TestWrongSettingsAreAllNamed(t *testing.T) {
	assert.NoError(t, Config{}.Validate())

	err := Config{
		Timeout:     -1,
		AnswerLimit: -1,
		Breaker:     resilience.BreakerConfig{FailureThreshold: -1},
		Bulkhead:    resilience.BulkheadConfig{MaxConcurrent: -1},
	}.Validate()
	for _, part := range []string{"timeout", "answer limit", "threshold", "concurrency"} {
		assert.ErrorContains(t, err, part)
	}

	slow := Config{Breaker: resilience.BreakerConfig{SlowCall: 5 * time.Second}}
	require.ErrorContains(t, slow.Validate(), "want less than the call timeout 5s", "it could never be passed")
	slow.Timeout = 6 * time.Second
	assert.NoError(t, slow.Validate())
}
