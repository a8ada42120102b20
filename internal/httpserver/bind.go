package httpserver

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"slices"
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
	if err := RequireMediaType(r, "application/json"); err != nil {
		return err
	}
	if err := strictjson.Decode(r.Body, v); err != nil {
		return BodyError(err)
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

// RequireMediaType returns problem.UnsupportedMediaType unless the body is of
// one of the media types, bare or with charset=utf-8, and not compressed.
func RequireMediaType(r *http.Request, accepted ...string) error {
	if !isMediaType(r.Header.Get("Content-Type"), accepted) {
		return problem.Newf(problem.UnsupportedMediaType, "the body must be %s in UTF-8", strings.Join(accepted, " or "))
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return problem.New(problem.UnsupportedMediaType, "the body must not be compressed")
	}
	return nil
}

func isMediaType(contentType string, accepted []string) bool {
	if slices.Contains(accepted, contentType) {
		return true
	}
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || !slices.Contains(accepted, mediaType) {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// BodyError tells apart why a body could not be read: the error is meant for
// Fail, as that of Bind. One that is a *problem.Error already stays as it is.
func BodyError(err error) error {
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
