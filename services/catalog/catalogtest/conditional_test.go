package catalogtest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/catalog/catalogtest"
	"orderflow/services/money"
)

var unconditionally conditional.Condition

var dearerBody = strings.Replace(kettleBody, "2999", "3999", 1)

func TestTheClientSendsItsCondition(t *testing.T) {
	service := catalogtest.Start(t)
	_, err := service.Put(t.Context(), kettle(), conditional.IfVersion(1))
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))

	stored, err := service.Put(t.Context(), kettle(), conditional.IfAbsent())
	require.NoError(t, err)
	_, err = service.Put(t.Context(), kettle(), conditional.IfAbsent())
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))

	changed := catalog.Record{ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(3999, "USD")}
	_, err = service.Put(t.Context(), changed, conditional.IfVersion(stored.Version+1))
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
	stored, err = service.Put(t.Context(), changed, conditional.IfVersion(stored.Version))
	require.NoError(t, err)
	assert.Equal(t, int64(2), stored.Version)
}

func TestAPutObeysTheFieldsOfItsHeader(t *testing.T) {
	url := catalogtest.Start(t).URL + "/v1/products/prod-kettle"
	for _, step := range []struct {
		body, field string
		status      int
		etag        string
	}{
		{kettleBody, `If-Match: *`, http.StatusPreconditionFailed, ""},
		{kettleBody, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{kettleBody, `If-Match: 1`, http.StatusBadRequest, ""},
		{kettleBody, `If-None-Match: *`, http.StatusCreated, `"1"`},
		{kettleBody, `If-None-Match: *`, http.StatusPreconditionFailed, ""},
		{kettleBody, `If-None-Match: "`, http.StatusBadRequest, ""},
		{kettleBody, `If-Match: "1"`, http.StatusOK, `"1"`},
		{dearerBody, `If-Match: W/"1"`, http.StatusPreconditionFailed, ""},
		{dearerBody, `If-Match: "7", "1"`, http.StatusOK, `"2"`},
		{dearerBody, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{kettleBody, `If-Match: *`, http.StatusOK, `"3"`},
		{dearerBody, `X-None: at all`, http.StatusOK, `"4"`},
	} {
		response, document := send(t, http.MethodPut, url, step.body, step.field)
		require.Equal(t, step.status, response.StatusCode, "%s: %+v", step.field, document)
		assert.Equal(t, step.etag, response.Header.Get("ETag"), step.field)
		switch step.status {
		case http.StatusPreconditionFailed:
			assert.Equal(t, problem.PreconditionFailed.Type(), document.Type)
		case http.StatusBadRequest:
			assert.Equal(t, problem.Malformed.Type(), document.Type)
		}
	}
}

// A condition is looked at last: what would be refused without it is refused
// for the same reason with it (RFC 9110, section 13.2.1).
func TestABadBodyIsRefusedWhateverItsCondition(t *testing.T) {
	url := catalogtest.Start(t).URL + "/v1/products/prod-kettle"
	response, _ := send(t, http.MethodPut, url, `{}`, `If-Match: "1"`)
	assert.Equal(t, http.StatusUnprocessableEntity, response.StatusCode)
	response, _ = send(t, http.MethodGet, url, "", `If-Match: "1"`)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestAReaderIsNotSentWhatItHas(t *testing.T) {
	service := catalogtest.Start(t)
	stored, err := service.Put(t.Context(), kettle(), unconditionally)
	require.NoError(t, err)
	url := service.URL + "/v1/products/prod-kettle"
	for field, status := range map[string]int{
		`X-None: at all`:            http.StatusOK,
		`If-None-Match: "1"`:        http.StatusNotModified,
		`If-None-Match: "9", W/"1"`: http.StatusNotModified,
		`If-None-Match: *`:          http.StatusNotModified,
		`If-None-Match: "2"`:        http.StatusOK,
		`If-Match: "1"`:             http.StatusOK,
		`If-Match: "2"`:             http.StatusPreconditionFailed,
		`If-None-Match: not a tag`:  http.StatusBadRequest,
	} {
		response, _ := send(t, http.MethodGet, url, "", field)
		require.Equal(t, status, response.StatusCode, field)
		if status < http.StatusBadRequest {
			assert.Equal(t, conditional.ETag(stored.Version), response.Header.Get("ETag"), field)
		}
		if status == http.StatusNotModified {
			assert.Equal(t, http.NoBody, response.Body, field)
			assert.Empty(t, response.Header.Get("Content-Type"), field)
		}
	}
	response, _ := send(t, http.MethodGet, service.URL+"/v1/products/unknown", "", `If-None-Match: *`)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}
