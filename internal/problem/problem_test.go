package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/problem"
)

// statuses repeats the public contract: a change of the table must be wanted.
var statuses = map[problem.Code]int{
	problem.Malformed:            400,
	problem.Unauthenticated:      401,
	problem.Forbidden:            403,
	problem.NotFound:             404,
	problem.MethodNotAllowed:     405,
	problem.RequestTimeout:       408,
	problem.Conflict:             409,
	problem.KeyReused:            409,
	problem.TooLate:              409,
	problem.AlreadyCompensated:   409,
	problem.OutOfStock:           409,
	problem.PaymentDeclined:      409,
	problem.ShipmentRefused:      409,
	problem.PreconditionFailed:   412,
	problem.TooLarge:             413,
	problem.UnsupportedMediaType: 415,
	problem.Invalid:              422,
	problem.RateLimited:          429,
	problem.HeadersTooLarge:      431,
	problem.Internal:             500,
	problem.Unavailable:          503,
	problem.InFlight:             503,
	problem.Timeout:              503,
}

func TestEveryCodeHasItsContractStatusAndATitle(t *testing.T) {
	for code, status := range statuses {
		assert.Equal(t, status, code.Status(), code)
		assert.NotEmpty(t, code.Title(), code)
		assert.Equal(t, "urn:orderflow:problem:"+string(code), code.Type())
		assert.Regexp(t, `^[a-z]+(-[a-z]+)*$`, string(code))
	}
}

func TestAnUnknownCodeIsAnInternalError(t *testing.T) {
	document := problem.New("made-up", "secret").Document()
	assert.Equal(t, 500, problem.Code("made-up").Status())
	assert.Equal(t, problem.Internal.Type(), document.Type)
	assert.NotContains(t, document.Detail, "secret")
}

func TestCodeOfFindsTheProblemInTheChain(t *testing.T) {
	cause := errors.New("disk full")
	tests := []struct {
		name string
		err  error
		want problem.Code
	}{
		{"nil has no code", nil, ""},
		{"a foreign error is internal", cause, problem.Internal},
		{"a problem is itself", problem.New(problem.OutOfStock, "2 left"), problem.OutOfStock},
		{"a wrapped problem is found", fmt.Errorf("reserving: %w", problem.New(problem.TooLate, "")), problem.TooLate},
		{"the outer problem wins", problem.New(problem.Conflict, "").WithCause(problem.New(problem.NotFound, "")), problem.Conflict},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, problem.CodeOf(test.err))
			if test.err != nil {
				assert.Equal(t, test.want, problem.From(test.err).Code)
			}
		})
	}
	assert.Nil(t, problem.From(nil))
	assert.ErrorIs(t, problem.From(cause), cause)
}

type noInstanceError struct{}

func (noInstanceError) Error() string { return "no instance" }
func (noInstanceError) Problem() *problem.Error {
	return problem.New(problem.Unavailable, "try later").WithRetryAfter(time.Second)
}

func TestAnErrorOfAnotherPackageMayDescribeItself(t *testing.T) {
	err := fmt.Errorf("charging: %w", noInstanceError{})
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	assert.Equal(t, time.Second, problem.From(err).RetryAfter)
}

func TestADocumentRebuildsTheError(t *testing.T) {
	codes := make([]problem.Code, 0, len(statuses))
	for code := range statuses {
		if code != problem.Internal {
			codes = append(codes, code)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		sent := problem.New(rapid.SampledFrom(codes).Draw(t, "code"), rapid.String().Draw(t, "detail")).
			WithRetryAfter(time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds")) * time.Second)
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			sent = sent.WithField(rapid.String().Draw(t, "pointer"), rapid.String().Draw(t, "fieldDetail"))
		}
		body, err := json.Marshal(sent.Document())
		require.NoError(t, err)
		var document problem.Document
		require.NoError(t, json.Unmarshal(body, &document))

		assert.Equal(t, sent, problem.FromDocument(document, sent.RetryAfter))
	})
}

func TestAForeignDocumentBecomesThePlainestCodeOfItsStatus(t *testing.T) {
	tests := map[int]problem.Code{
		400: problem.Malformed, 401: problem.Unauthenticated, 403: problem.Forbidden, 404: problem.NotFound,
		405: problem.MethodNotAllowed, 408: problem.RequestTimeout, 409: problem.Conflict, 410: problem.NotFound,
		412: problem.PreconditionFailed, 413: problem.TooLarge, 415: problem.UnsupportedMediaType, 418: problem.Malformed, 422: problem.Invalid,
		429: problem.RateLimited, 431: problem.HeadersTooLarge, 500: problem.Internal, 502: problem.Unavailable,
		503: problem.Unavailable, 504: problem.Timeout, 0: problem.Internal,
	}
	for status, want := range tests {
		got := problem.FromDocument(problem.Document{Type: "about:blank", Status: status}, 0)
		assert.Equal(t, want, got.Code, "status %d", status)
	}
}

func TestTheCauseNeverLeavesTheProcess(t *testing.T) {
	failure := problem.New(problem.Internal, "opening /var/lib/x").WithCause(errors.New("password wrong"))
	assert.Contains(t, failure.Error(), "password wrong")

	recorder := httptest.NewRecorder()
	failure.Write(recorder, "/v1/orders", "4bf92f3577b34da6a3ce929d0e0e4736")

	assert.Equal(t, http.StatusInternalServerError, recorder.Code)
	assert.NotContains(t, recorder.Body.String(), "password")
	assert.NotContains(t, recorder.Body.String(), "/var/lib")
	assert.Contains(t, recorder.Body.String(), "4bf92f3577b34da6a3ce929d0e0e4736")
}

func TestWriteSetsHeadersAndRoundsRetryAfterUp(t *testing.T) {
	recorder := httptest.NewRecorder()
	problem.New(problem.RateLimited, "slow down").WithRetryAfter(1200*time.Millisecond).Write(recorder, "/v1/orders", "")

	assert.Equal(t, http.StatusTooManyRequests, recorder.Code)
	assert.Equal(t, problem.MediaType, recorder.Header().Get("Content-Type"))
	assert.Equal(t, "2", recorder.Header().Get("Retry-After"))
	assert.JSONEq(t, `{"type":"urn:orderflow:problem:rate-limited","title":"Too many requests","status":429,
		"detail":"slow down","instance":"/v1/orders"}`, recorder.Body.String())
}

func TestWriteAlwaysSaysWhenToReturnAndHowToAuthenticate(t *testing.T) {
	tests := map[problem.Code]struct{ header, value string }{
		problem.RateLimited:     {"Retry-After", "1"},
		problem.Unavailable:     {"Retry-After", "1"},
		problem.Timeout:         {"Retry-After", "1"},
		problem.Unauthenticated: {"WWW-Authenticate", "Bearer"},
		problem.Conflict:        {"Retry-After", ""},
	}
	for code, want := range tests {
		recorder := httptest.NewRecorder()
		problem.New(code, "").Write(recorder, "/", "")
		assert.Equal(t, want.value, recorder.Header().Get(want.header), code)
	}
}

func TestWithMethodsLeaveTheOriginalAlone(t *testing.T) {
	// Three fields leave room in a slice that grows by doubling.
	shared := problem.New(problem.Invalid, "shared").WithField("/1", "").WithField("/2", "").WithField("/3", "")
	left := shared.WithField("/b", "left")
	right := shared.WithField("/c", "right").WithRetryAfter(time.Second).WithCause(errors.New("x"))

	assert.Len(t, shared.Fields, 3)
	assert.Equal(t, "/b", left.Fields[3].Pointer)
	assert.Equal(t, "/c", right.Fields[3].Pointer)
	assert.Zero(t, shared.RetryAfter)
	assert.NoError(t, shared.Err)
}

func TestViolationsNameEveryField(t *testing.T) {
	var none problem.Violations
	require.NoError(t, none.Err())

	var some problem.Violations
	some.Add("/items/0/quantity", "must be at least %d", 1)
	some.Add("/customerId", "is required")

	var failure *problem.Error
	require.ErrorAs(t, some.Err(), &failure)
	assert.Equal(t, problem.Invalid, failure.Code)
	assert.Equal(t, []problem.FieldError{
		{Pointer: "/items/0/quantity", Detail: "must be at least 1"},
		{Pointer: "/customerId", Detail: "is required"},
	}, failure.Fields)
	assert.Equal(t, "invalid: the body has unacceptable values (/items/0/quantity: must be at least 1, and 1 more)", failure.Error())
}
