package workflows

import (
	"errors"
	"strings"
	"unicode"

	"go.temporal.io/sdk/temporal"
)

// longestReason bounds every text that travels into the services, in
// characters.
const longestReason = 500

// longestSubject bounds who asked for something, in characters.
const longestSubject = 200

// reason says in words that a customer may read why the order is undone. A
// compensation must never be refused for its wording, so it is always plain.
func (s *saga) reason() string {
	if s.cancellation != nil {
		return plain(s.cancellation.Reason)
	}
	return explain(s.cause)
}

// explain gives a step's error without the inner workings: a final answer's
// kind and own words, or what kind of failure did not pass in time.
func explain(err error) string {
	var application *temporal.ApplicationError
	switch {
	case temporal.IsCanceledError(err):
		return "cancelled"
	case errors.As(err, &application) && application.NonRetryable():
		return plain(strings.TrimSuffix(application.Type()+": "+application.Message(), ": "))
	case errors.As(err, &application):
		return "no answer in time: " + application.Type()
	default:
		return "no answer in time"
	}
}

// plain returns one line of at most longestReason characters that is not blank.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if runes := []rune(text); len(runes) > longestReason {
		text = string(runes[:longestReason])
	}
	if text == "" {
		return "no reason given"
	}
	return text
}
