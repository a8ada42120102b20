package gatewayclient

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"orderflow/internal/problem"
)

// UnreachableError says that a request got no whole answer: no connection, a
// connection that was cut, or no answer in time. The request may have taken
// effect; sending it again is safe with an idempotency key.
type UnreachableError struct {
	// Gateway is the base URL that was tried.
	Gateway string
	Err     error
}

// Error names the gateway and the cause.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the gateway at %s does not answer: %v", e.Gateway, e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Temporary reports whether the same request may succeed later: the gateway
// was not reachable, is too busy, or failed. Everything else is a final
// answer.
func Temporary(err error) bool {
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		return true
	}
	var refused *problem.Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case problem.RateLimited, problem.Unavailable, problem.InFlight, problem.Timeout,
		problem.Internal, problem.RequestTimeout:
		return true
	default:
		return false
	}
}

// Refused reports whether the gateway gave a final answer of the 4xx kind.
func Refused(err error) bool {
	var refused *problem.Error
	return errors.As(err, &refused) && !Temporary(err)
}

// Unauthorized reports whether the token was refused, which no other request
// with the same token will change.
func Unauthorized(err error) bool {
	var refused *problem.Error
	return errors.As(err, &refused) &&
		(refused.Code == problem.Unauthenticated || refused.Code == problem.Forbidden)
}

// refusal makes the *problem.Error of an answer. An answer that is no problem
// document, such as a proxy's page, gives the plainest code of its status. A
// redirect is none of the API's answers and gives a plain error.
func (c *Client) refusal(response *http.Response, body []byte) error {
	if response.StatusCode < http.StatusBadRequest {
		return fmt.Errorf("%s answers with a redirect and is no gateway", c.URL())
	}
	document := problem.Document{Detail: "HTTP status " + response.Status}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && media == problem.MediaType {
		var sent problem.Document
		if json.Unmarshal(body, &sent) == nil {
			document = sent
		}
	}
	// The status line counts, whatever the document says.
	document.Status = response.StatusCode
	return problem.FromDocument(document, retryAfter(response.Header, time.Now()))
}

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date;
// 0 when it is absent, unreadable or in the past.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
