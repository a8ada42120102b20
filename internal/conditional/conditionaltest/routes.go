package conditionaltest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/problem"
)

// Resource is a row of a running service as HTTP has it, which does not exist
// yet.
type Resource struct {
	// URL is where the row is read and written, Unknown that of another row.
	URL, Unknown string
	// One and Other are two bodies that can be written.
	One, Other string
}

// Routes tests that the routes of a service obey the conditions in a request's
// header (RFC 9110, section 13).
func Routes(t *testing.T, resource Resource) {
	t.Helper()
	resource.looksAtConditionsLast(t)
	resource.puts(t)
	resource.reads(t)
}

// looksAtConditionsLast requires that what is wrong without a condition is wrong
// for the same reason with it (section 13.2.1).
func (r Resource) looksAtConditionsLast(t *testing.T) {
	answer := chassistest.Send(t, http.MethodPut, r.URL, `{}`, `If-Match: "1"`)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.Status)
	answer = chassistest.Send(t, http.MethodGet, r.URL, "", `If-Match: "1"`)
	assert.Equal(t, http.StatusNotFound, answer.Status)
	answer = chassistest.Send(t, http.MethodGet, r.Unknown, "", `If-None-Match: *`)
	assert.Equal(t, http.StatusNotFound, answer.Status)
}

// puts writes the row up to its version 4.
func (r Resource) puts(t *testing.T) {
	for _, step := range []struct {
		body, field string
		status      int
		etag        string
	}{
		{r.One, `If-Match: *`, http.StatusPreconditionFailed, ""},
		{r.One, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{r.One, `If-Match: 1`, http.StatusBadRequest, ""},
		{r.One, `If-None-Match: *`, http.StatusCreated, `"1"`},
		{r.One, `If-None-Match: *`, http.StatusPreconditionFailed, ""},
		{r.One, `If-None-Match: "`, http.StatusBadRequest, ""},
		{r.One, `If-Match: "1"`, http.StatusOK, `"1"`},
		{r.Other, `If-Match: W/"1"`, http.StatusPreconditionFailed, ""},
		{r.Other, `If-Match: "7", "1"`, http.StatusOK, `"2"`},
		{r.Other, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{r.One, `If-Match: *`, http.StatusOK, `"3"`},
		{r.Other, `X-None: at all`, http.StatusOK, `"4"`},
	} {
		answer := chassistest.Send(t, http.MethodPut, r.URL, step.body, step.field)
		require.Equal(t, step.status, answer.Status, "%s: %s", step.field, answer.Body)
		assert.Equal(t, step.etag, answer.Header.Get("ETag"), step.field)
		switch step.status {
		case http.StatusPreconditionFailed:
			assert.Equal(t, problem.PreconditionFailed.Type(), answer.Refusal.Type)
		case http.StatusBadRequest:
			assert.Equal(t, problem.Malformed.Type(), answer.Refusal.Type)
		}
	}
}

// reads requires that a reader of version 4 is not sent what it has.
func (r Resource) reads(t *testing.T) {
	for field, status := range map[string]int{
		`X-None: at all`:            http.StatusOK,
		`If-None-Match: "4"`:        http.StatusNotModified,
		`If-None-Match: "9", W/"4"`: http.StatusNotModified,
		`If-None-Match: *`:          http.StatusNotModified,
		`If-None-Match: "5"`:        http.StatusOK,
		`If-Match: "4"`:             http.StatusOK,
		`If-Match: "5"`:             http.StatusPreconditionFailed,
		`If-None-Match: not a tag`:  http.StatusBadRequest,
	} {
		answer := chassistest.Send(t, http.MethodGet, r.URL, "", field)
		require.Equal(t, status, answer.Status, field)
		if status < http.StatusBadRequest {
			assert.Equal(t, `"4"`, answer.Header.Get("ETag"), field)
		}
		if status == http.StatusNotModified {
			assert.Empty(t, answer.Body, field)
			assert.Empty(t, answer.Header.Get("Content-Type"), field)
		}
	}
}
