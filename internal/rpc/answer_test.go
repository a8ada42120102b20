package rpc

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"4294967295":                    maxRetryAfter,
		"99999999999999999999":          0,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"Mon, 23 Nov 2099 12:00:00 GMT": maxRetryAfter,
	} {
		assert.Equal(t, want, parseRetryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
}

func TestRetryAfterIsNeverOutOfItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching(`-?[0-9]{1,25}`)).Draw(t, "value")
		got := parseRetryAfter(http.Header{"Retry-After": {value}}, time.Now())
		assert.GreaterOrEqual(t, got, time.Duration(0))
		assert.LessOrEqual(t, got, maxRetryAfter)
	})
}
