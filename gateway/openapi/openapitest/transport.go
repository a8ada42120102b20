package openapitest

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Transport checks every exchange that passes through it and fails the test at
// one that is not described. An event stream has no end to wait for, so its
// body passes unread.
func Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return &transport{t: t, next: next, description: Load(t)}
}

type transport struct {
	t           testing.TB
	next        http.RoundTripper
	description *Description
}

func (c *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	asked, err := taken(&request.Body)
	if err != nil {
		return nil, err
	}
	response, err := c.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	e := Exchange{Request: request, RequestBody: asked, Status: response.StatusCode, Header: response.Header}
	if response.Header.Get("Content-Type") != "text/event-stream" {
		if e.Body, err = taken(&response.Body); err != nil {
			return nil, err
		}
	}
	assert.NoError(c.t, c.description.Check(e), "%s %s", request.Method, request.URL)
	return response, nil
}

// taken reads a body and puts it back.
func taken(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	content, err := io.ReadAll(*body)
	if err := (*body).Close(); err != nil {
		return nil, err
	}
	*body = io.NopCloser(bytes.NewReader(content))
	return content, err
}
