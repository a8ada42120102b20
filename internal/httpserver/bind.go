package httpserver

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"orderflow/internal/problem"
	"orderflow/internal/strictjson"
)

// Bind decodes the request's JSON body into v, a pointer, as strictjson does,
// and then calls v's Validate() error when it has one. The error is meant for
// Fail. Beside what strictjson and Validate return, it is a *problem.Error
// with:
//
//   - problem.UnsupportedMediaType: no application/json in UTF-8, or a
//     compressed body;
//   - problem.TooLarge: a body above the engine's limit;
//   - problem.RequestTimeout: the body did not arrive in time;
//   - problem.Malformed: no body, or the client broke off.
//
// An error of Validate that is no *problem.Error becomes problem.Invalid with
// the error's text as detail.
func Bind(c *gin.Context, v any) error {
	r := c.Request
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return problem.New(problem.Malformed, "the body is empty")
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return problem.New(problem.UnsupportedMediaType, "the body must be application/json in UTF-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problem.New(problem.UnsupportedMediaType, "the body must not be compressed")
	}
	if err := strictjson.Decode(r.Body, v); err != nil {
		return bodyError(err)
	}
	validated, ok := v.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := validated.Validate()
	var refusal *problem.Error
	if err == nil || errors.As(err, &refusal) {
		return err
	}
	return problem.New(problem.Invalid, err.Error()).WithCause(err)
}

// isJSON accepts application/json, bare or with charset=utf-8.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "application/json" {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// bodyError tells apart why a body could not be read.
func bodyError(err error) error {
	var refusal *problem.Error
	if errors.As(err, &refusal) {
		return err
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return bodyTooLarge(tooLarge.Limit).WithCause(err)
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return problem.New(problem.RequestTimeout, "the body did not arrive in time").WithCause(err)
	}
	return problem.New(problem.Malformed, "the body could not be read to its end").WithCause(err)
}
