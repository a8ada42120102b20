package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

func TestAVersionIsAnsweredAsTheConditionAsks(t *testing.T) {
	engine := httpserver.NewEngine(httpserver.Options{Name: "test"})
	engine.GET("/item", func(c *gin.Context) {
		httpserver.RespondVersioned(c, 3, item{Name: "kettle", Quantity: 1})
	})
	const body = `{"name":"kettle","quantity":1}` + "\n"
	tests := map[string]struct {
		field, value string
		status       int
		etag, body   string
	}{
		"no condition":      {"X-None", "", http.StatusOK, `"3"`, body},
		"another version":   {"If-None-Match", `"2"`, http.StatusOK, `"3"`, body},
		"the same version":  {"If-None-Match", `"3"`, http.StatusNotModified, `"3"`, ""},
		"any version":       {"If-None-Match", "*", http.StatusNotModified, `"3"`, ""},
		"only this version": {"If-Match", `"3"`, http.StatusOK, `"3"`, body},
		"only another one":  {"If-Match", `"2"`, problem.PreconditionFailed.Status(), "", "precondition-failed"},
		"no tag":            {"If-None-Match", "3", problem.Malformed.Status(), "", "malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/item", nil)
			request.Header.Set(test.field, test.value)
			recorder := httptest.NewRecorder()
			engine.ServeHTTP(recorder, request)
			assert.Equal(t, test.status, recorder.Code)
			assert.Equal(t, test.etag, recorder.Header().Get("ETag"))
			if test.status < http.StatusBadRequest {
				assert.Equal(t, test.body, recorder.Body.String())
			} else {
				assert.Contains(t, recorder.Body.String(), test.body)
			}
			assert.Equal(t, "no-store", recorder.Header().Get("Cache-Control"), "the same with 200 and 304")
		})
	}
}
