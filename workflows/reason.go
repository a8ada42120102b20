package workflows

import (
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"
)

// reason says in words that a customer may read why the order is undone.
func (s *saga) reason(cause error) string {
	if s.cancellation != nil {
		return s.cancellation.Reason
	}
	return explain(cause)
}

// explain gives a step's error without the inner workings: a final answer's
// own words, or what kind of failure did not pass in time.
func explain(err error) string {
	var application *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case temporal.IsCanceledError(err):
		return "cancelled"
	case errors.As(err, &timeout):
		return "no answer in time"
	case errors.As(err, &application):
		if application.NonRetryable() {
			return strings.TrimSuffix(application.Type()+": "+application.Message(), ": ")
		}
		return "no answer in time: " + application.Type()
	default:
		return "failed"
	}
}
