package rpc

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/problem"
)

func TestProblemForTheNextCaller(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.7: connection refused")
	for name, test := range map[string]struct {
		failure   Error
		wantCode  problem.Code
		wantAfter time.Duration
	}{
		"open breaker": {Error{Reason: BreakerOpen, RetryAfter: 12 * time.Second}, problem.Unavailable, 12 * time.Second},
		"no instance":  {Error{Reason: NoInstance}, problem.Unavailable, time.Second},
		"timeout":      {Error{Reason: Timeout}, problem.Timeout, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			test.failure.Target, test.failure.Err = "payment", cause
			got := test.failure.Problem()
			assert.Equal(t, test.wantCode, got.Code)
			assert.Equal(t, test.wantAfter, got.RetryAfter)
			assert.NotContains(t, got.Detail, "10.0.0.7", "internals never leave")
			assert.ErrorIs(t, got, cause, "but logs have them")
		})
	}
}

func TestErrorNamesTargetReasonAndCause(t *testing.T) {
	err := &Error{Target: "payment", Reason: Timeout, Err: errors.New("no answer")}
	assert.EqualError(t, err, "calling payment: timeout: no answer")
}
