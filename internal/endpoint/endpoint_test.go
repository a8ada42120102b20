package endpoint_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/conditional"
	"orderflow/internal/endpoint"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

// note is the record and the row of a service with one row, "a".
type note struct {
	ID      string `json:"id"`
	Text    string `json:"text"`
	Version int64  `json:"version,omitempty"`
}

var (
	errNoNote  = problem.New(problem.NotFound, "no such note")
	errBadText = problem.New(problem.Invalid, "the text is bad")
	errLocked  = problem.New(problem.Conflict, "the note is locked")
)

type notes struct {
	stored note
	calls  int
}

func (n *notes) find(_ context.Context, id string) (note, error) {
	n.calls++
	if id != n.stored.ID {
		return note{}, errNoNote
	}
	return n.stored, nil
}

func (n *notes) write(_ context.Context, asked note) (note, error) {
	n.calls++
	if asked.Text == "locked" {
		return note{}, errLocked
	}
	return asked, nil
}

func (n *notes) erase(ctx context.Context, asked note) error {
	_, err := n.write(ctx, asked)
	return err
}

func (n *notes) put(_ context.Context, asked note, condition conditional.Condition) (note, bool, error) {
	n.calls++
	if err := condition.CheckWrite(n.stored.Version); err != nil {
		return note{}, false, err
	}
	created := n.stored.Version == 0
	n.stored = note{ID: asked.ID, Text: asked.Text, Version: n.stored.Version + 1}
	return n.stored, created, nil
}

func check(asked note) error {
	if asked.Text == "bad" {
		return errBadText
	}
	return nil
}

func checkPut(asked note, idInPath string) error {
	if asked.ID != idInPath {
		return errBadText
	}
	return check(asked)
}

func (n *notes) engine() http.Handler {
	version := func(n note) int64 { return n.Version }
	engine := httpserver.NewEngine(httpserver.Options{Name: "notes", Telemetry: telemetry.Discard()})
	engine.POST("/ask", endpoint.Ask(check, n.write))
	engine.POST("/tell", endpoint.Tell(http.StatusAccepted, check, n.erase))
	engine.GET("/read/:id", endpoint.Read("id", errNoNote, n.find))
	engine.GET("/versioned/:id", endpoint.ReadVersioned("id", errNoNote, version, n.find))
	engine.PUT("/versioned/:id", endpoint.PutVersioned("id", version, checkPut, n.put))
	engine.PUT("/stored/:created", func(c *gin.Context) {
		endpoint.Stored(c, note{ID: "a"}, c.Param("created") == "true", nil)
	})
	return engine
}

// send returns the answer, and of a refusal its document.
func send(t *testing.T, engine http.Handler, method, path, body string, field ...string) (*httptest.ResponseRecorder, problem.Document) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, line := range field {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	engine.ServeHTTP(answer, request)
	var document problem.Document
	if answer.Code >= http.StatusBadRequest {
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &document))
	}
	return answer, document
}

func TestRequestsAreBoundCheckedAndThenActedUpon(t *testing.T) {
	for name, test := range map[string]struct {
		path, body string
		status     int
		code       problem.Code
		answer     string
		calls      int
	}{
		"asked":                   {"/ask", `{"id": "a", "text": "x"}`, http.StatusOK, "", `{"id":"a","text":"x"}`, 1},
		"asked what cannot be":    {"/ask", `{"id": "a", "text": "locked"}`, http.StatusConflict, problem.Conflict, "", 1},
		"asked what is not valid": {"/ask", `{"id": "a", "text": "bad"}`, http.StatusUnprocessableEntity, problem.Invalid, "", 0},
		"asked in another form":   {"/ask", `{"id": "a"`, http.StatusBadRequest, problem.Malformed, "", 0},
		"told":                    {"/tell", `{"id": "a", "text": "x"}`, http.StatusAccepted, "", "", 1},
		"told what cannot be":     {"/tell", `{"id": "a", "text": "locked"}`, http.StatusConflict, problem.Conflict, "", 1},
		"told what is not valid":  {"/tell", `{"id": "a", "text": "bad"}`, http.StatusUnprocessableEntity, problem.Invalid, "", 0},
		"told without a body":     {"/tell", ``, http.StatusBadRequest, problem.Malformed, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			service := &notes{}
			answer, refusal := send(t, service.engine(), http.MethodPost, test.path, test.body)
			assert.Equal(t, test.status, answer.Code)
			assert.Equal(t, test.calls, service.calls)
			if test.code != "" {
				assert.Equal(t, test.code.Type(), refusal.Type)
				return
			}
			assert.Equal(t, test.answer, strings.TrimSpace(answer.Body.String()))
		})
	}
}

func TestATextThatCannotBeAnIDIsNotLookedUp(t *testing.T) {
	for _, kind := range []string{"/read/", "/versioned/"} {
		service := &notes{stored: note{ID: "a", Text: "x", Version: 3}}
		answer, _ := send(t, service.engine(), http.MethodGet, kind+"a", "")
		require.Equal(t, http.StatusOK, answer.Code)
		assert.JSONEq(t, `{"id": "a", "text": "x", "version": 3}`, answer.Body.String())

		_, unknown := send(t, service.engine(), http.MethodGet, kind+"b", "")
		assert.Equal(t, problem.NotFound.Type(), unknown.Type)
		assert.Equal(t, 2, service.calls)
		_, impossible := send(t, service.engine(), http.MethodGet, kind+"-b", "")
		assert.Equal(t, unknown.Type, impossible.Type)
		assert.Equal(t, unknown.Detail, impossible.Detail)
		assert.Equal(t, 2, service.calls)
	}
}

func TestAVersionIsTheRowsEntityTag(t *testing.T) {
	service := &notes{stored: note{ID: "a", Text: "x", Version: 3}}
	answer, _ := send(t, service.engine(), http.MethodGet, "/versioned/a", "")
	assert.Equal(t, `"3"`, answer.Header().Get("ETag"))
	answer, _ = send(t, service.engine(), http.MethodGet, "/versioned/a", "", `If-None-Match: "3"`)
	assert.Equal(t, http.StatusNotModified, answer.Code)
}

func TestAPutObeysItsConditionAfterItsBody(t *testing.T) {
	service := &notes{}
	for _, step := range []struct {
		body, field string
		status      int
		etag        string
	}{
		{`{"id": "a", "text": "x"}`, `If-Match: *`, http.StatusPreconditionFailed, ""},
		{`{"id": "a", "text": "bad"}`, `If-Match: *`, http.StatusUnprocessableEntity, ""},
		{`{"id": "b", "text": "x"}`, `If-Match: 1`, http.StatusUnprocessableEntity, ""},
		{`{"id": "a", "text": "x"}`, `If-Match: 1`, http.StatusBadRequest, ""},
		{`{"id": "a", "text": "x"}`, `If-None-Match: *`, http.StatusCreated, `"1"`},
		{`{"id": "a", "text": "y"}`, `If-Match: "1"`, http.StatusOK, `"2"`},
	} {
		answer, _ := send(t, service.engine(), http.MethodPut, "/versioned/a", step.body, step.field)
		require.Equal(t, step.status, answer.Code, step)
		assert.Equal(t, step.etag, answer.Header().Get("ETag"), step)
	}
	assert.Equal(t, note{ID: "a", Text: "y", Version: 2}, service.stored)
}

func TestStoredTellsACreationFromAReplacement(t *testing.T) {
	for path, status := range map[string]int{"/stored/true": http.StatusCreated, "/stored/false": http.StatusOK} {
		answer, _ := send(t, (&notes{}).engine(), http.MethodPut, path, "")
		assert.Equal(t, status, answer.Code)
		assert.JSONEq(t, `{"id": "a", "text": ""}`, answer.Body.String())
	}
}
