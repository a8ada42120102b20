package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Client speaks to the gateway in somebody's name.
type Client struct {
	base   string
	token  string
	http   *http.Client
	listen func(answer Answer) // hears every answer; nil for nobody
}

// Answer is what the gateway said.
type Answer struct {
	Path   string
	Status int
	Header http.Header
	Body   []byte
}

// clientTimeout is shorter than some faults last, so that clients give up and
// come again.
const clientTimeout = 5 * time.Second

func newHTTPClient(connections int) *http.Client {
	return &http.Client{
		Timeout:   clientTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, IdleConnTimeout: 10 * time.Second},
	}
}

// Do asks once. The error is one of the connection, or the context's.
func (c Client) Do(ctx context.Context, method, path string, body any, headers ...string) (Answer, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return Answer{}, fmt.Errorf("encoding the body of %s: %w", path, err)
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, text)
	if err != nil {
		return Answer{}, fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Path: path, Status: response.StatusCode, Header: response.Header, Body: content}
	if c.listen != nil {
		c.listen(answer)
	}
	return answer, nil
}

// Patiently asks until there is an answer that is no excuse: a broken
// connection, a full house and an outage are waited for, as long as the gateway
// says. Each is told to heard, if that is not nil.
func (c Client) Patiently(ctx context.Context, method, path string, body any, heard func(Answer, error), headers ...string) (Answer, error) {
	for attempt := 0; ; attempt++ {
		answer, err := c.Do(ctx, method, path, body, headers...)
		if heard != nil {
			heard(answer, err)
		}
		if err == nil && !answer.Excuse() {
			return answer, nil
		}
		select {
		case <-time.After(max(answer.RetryAfter(), min(50*time.Millisecond<<min(attempt, 6), time.Second))):
		case <-ctx.Done():
			return answer, errors.Join(ctx.Err(), err)
		}
	}
}

// Excuse reports whether the gateway has said that it cannot answer now.
func (a Answer) Excuse() bool {
	return a.Status == http.StatusTooManyRequests || a.Status >= http.StatusInternalServerError
}

// RetryAfter is how long the gateway asks to wait, 0 where it does not say.
func (a Answer) RetryAfter() time.Duration {
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// Into decodes the body.
func (a Answer) Into(v any) error {
	if err := json.Unmarshal(a.Body, v); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", a.Path, err)
	}
	return nil
}
