package customertest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/services/customer"
	"orderflow/services/customer/customertest"
)

var unconditionally conditional.Condition

const (
	adaBody     = `{"customerId": "cust-ada", "name": "Ada"}`
	renamedBody = `{"customerId": "cust-ada", "name": "Ada King"}`
)

func TestTheClientSendsItsCondition(t *testing.T) {
	service := customertest.Start(t)
	_, err := service.Put(t.Context(), customer.Record{CustomerID: "cust-ada", Name: "Ada"}, conditional.IfVersion(1))
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))

	stored, err := service.Put(t.Context(), customer.Record{CustomerID: "cust-ada", Name: "Ada"}, conditional.IfAbsent())
	require.NoError(t, err)
	_, err = service.Put(t.Context(), customer.Record{CustomerID: "cust-ada", Name: "Ada"}, conditional.IfAbsent())
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))

	changed := customer.Record{CustomerID: "cust-ada", Name: "Ada King"}
	_, err = service.Put(t.Context(), changed, conditional.IfVersion(stored.Version+1))
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
	stored, err = service.Put(t.Context(), changed, conditional.IfVersion(stored.Version))
	require.NoError(t, err)
	assert.Equal(t, int64(2), stored.Version)
}

func TestAPutObeysTheFieldsOfItsHeader(t *testing.T) {
	url := customertest.Start(t).URL + "/v1/customers/cust-ada"
	for _, step := range []struct {
		body, field string
		status      int
		etag        string
	}{
		{adaBody, `If-Match: *`, http.StatusPreconditionFailed, ""},
		{adaBody, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{adaBody, `If-Match: 1`, http.StatusBadRequest, ""},
		{adaBody, `If-None-Match: *`, http.StatusCreated, `"1"`},
		{adaBody, `If-None-Match: *`, http.StatusPreconditionFailed, ""},
		{adaBody, `If-None-Match: "`, http.StatusBadRequest, ""},
		{adaBody, `If-Match: "1"`, http.StatusOK, `"1"`},
		{renamedBody, `If-Match: W/"1"`, http.StatusPreconditionFailed, ""},
		{renamedBody, `If-Match: "7", "1"`, http.StatusOK, `"2"`},
		{renamedBody, `If-Match: "1"`, http.StatusPreconditionFailed, ""},
		{adaBody, `If-Match: *`, http.StatusOK, `"3"`},
		{renamedBody, `X-None: at all`, http.StatusOK, `"4"`},
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
	url := customertest.Start(t).URL + "/v1/customers/cust-ada"
	response, _ := send(t, http.MethodPut, url, `{}`, `If-Match: "1"`)
	assert.Equal(t, http.StatusUnprocessableEntity, response.StatusCode)
	response, _ = send(t, http.MethodGet, url, "", `If-Match: "1"`)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}

func TestAReaderIsNotSentWhatItHas(t *testing.T) {
	service := customertest.Start(t)
	stored, err := service.Put(t.Context(), customer.Record{CustomerID: "cust-ada", Name: "Ada"}, unconditionally)
	require.NoError(t, err)
	url := service.URL + "/v1/customers/cust-ada"
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
	response, _ := send(t, http.MethodGet, service.URL+"/v1/customers/unknown", "", `If-None-Match: *`)
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
}
