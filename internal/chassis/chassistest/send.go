package chassistest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
)

// Answer is what a service has answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Refusal is the body of a status from 400 on.
	Refusal problem.Document
}

// Send makes a request that the service's client would not make; a field of its
// header is "Name: value". A body is sent as JSON.
func Send(t testing.TB, method, url, body string, fields ...string) Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Close = true // so that nothing of it remains
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Add(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: text}
	if answer.Status >= http.StatusBadRequest {
		require.Equal(t, problem.MediaType, answer.Header.Get("Content-Type"))
		require.NoError(t, json.Unmarshal(text, &answer.Refusal))
	}
	return answer
}

// RequireRefused posts a body and requires that it is refused with the code and,
// unless the pointer is empty, that the field is the first that is named.
func RequireRefused(t testing.TB, url, body string, code problem.Code, pointer string) {
	t.Helper()
	answer := Send(t, http.MethodPost, url, body)
	require.Equal(t, code.Status(), answer.Status, string(answer.Body))
	require.Equal(t, code.Type(), answer.Refusal.Type)
	if pointer != "" {
		require.NotEmpty(t, answer.Refusal.Errors, string(answer.Body))
		require.Equal(t, pointer, answer.Refusal.Errors[0].Pointer, string(answer.Body))
	}
}
