package rpc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"orderflow/internal/problem"
)

// drainLimit is how much of an unwanted body is read so that the connection
// can be used again. For more than that a new connection is cheaper.
const drainLimit = 64 << 10

// maxRetryAfter bounds what a Retry-After header can ask for.
const maxRetryAfter = time.Hour

var errTooLarge = errors.New("the answer is larger than the limit")

// badAnswerError marks an answer that cannot be understood.
type badAnswerError struct{ err error }

func (e *badAnswerError) Error() string { return e.err.Error() }
func (e *badAnswerError) Unwrap() error { return e.err }

// decodeAnswer turns a response into out or into an error: *problem.Error for a
// final answer, *Error for a temporary one, *badAnswerError for one that is not
// of this product's form, and otherwise what broke while reading.
func decodeAnswer(target string, response *http.Response, limit int64, out any) error {
	status := response.StatusCode
	switch {
	case status >= 200 && status <= 299:
		return decodeResult(response, limit, out)
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500,
		// It is this process that the service does not know, by a wrong or a new
		// key. That is to be mended, and says nothing about what was asked for.
		status == http.StatusUnauthorized:
		return decodeTemporary(target, response, limit)
	case status >= 400:
		return decodeFinal(response, limit)
	default:
		return &badAnswerError{fmt.Errorf("unexpected status %d", status)}
	}
}

func decodeResult(response *http.Response, limit int64, out any) error {
	if out == nil || response.StatusCode == http.StatusNoContent {
		return nil
	}
	body, err := readBody(response.Body, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &badAnswerError{fmt.Errorf("decoding the body: %w", err)}
	}
	return nil
}

// decodeTemporary reads the problem, if there is one, only for its code and
// detail. A body that cannot be read changes nothing: the status says enough.
func decodeTemporary(target string, response *http.Response, limit int64) error {
	failure := &Error{
		Target:     target,
		Reason:     Unavailable,
		RetryAfter: parseRetryAfter(response.Header, time.Now()),
		Status:     response.StatusCode,
		Err:        fmt.Errorf("status %d", response.StatusCode),
	}
	if answer, err := decodeProblem(response, limit); err == nil {
		failure.Code = answer.Code
		failure.Err = fmt.Errorf("status %d: %s", response.StatusCode, answer.Error())
	}
	return failure
}

func decodeFinal(response *http.Response, limit int64) error {
	answer, err := decodeProblem(response, limit)
	if err != nil {
		return err
	}
	return answer
}

func decodeProblem(response *http.Response, limit int64) (*problem.Error, error) {
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || mediaType != problem.MediaType {
		return nil, &badAnswerError{fmt.Errorf("status %d without a problem document", response.StatusCode)}
	}
	body, err := readBody(response.Body, limit)
	if err != nil {
		return nil, err
	}
	var document problem.Document
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, &badAnswerError{fmt.Errorf("decoding the problem document: %w", err)}
	}
	// The status line is what a proxy or a test sees; the member only repeats
	// it (RFC 9457, section 3.1.2).
	document.Status = response.StatusCode
	return problem.FromDocument(document, parseRetryAfter(response.Header, time.Now())), nil
}

// readBody reads a body of at most limit bytes.
func readBody(body io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, &badAnswerError{errTooLarge}
	}
	return content, nil
}

// drain reads what is left of a body, so that its connection can be used again.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, drainLimit) // what goes wrong costs a connection
}

// parseRetryAfter reads the header in both its forms, seconds and date (RFC
// 9110, section 10.2.3). What cannot be read is 0.
func parseRetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
