package rpc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/resilience"
)

func TestUnsetSettingsTakeTheTargetsDefaults(t *testing.T) {
	guard := resilience.Defaults("inventory")
	assert.Equal(t, Config{
		Timeout:     5 * time.Second,
		Breaker:     guard.Breaker,
		Bulkhead:    guard.Bulkhead,
		AnswerLimit: 8 << 20,
	}, Config{}.WithDefaults("inventory"))

	set := Config{
		Timeout:     time.Second,
		Breaker:     resilience.BreakerConfig{FailureThreshold: 1, SuccessThreshold: 1, OpenFor: time.Second},
		Bulkhead:    resilience.BulkheadConfig{MaxConcurrent: 2, MaxQueue: 3},
		AnswerLimit: 4,
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
}
