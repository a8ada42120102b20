package httpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/gin-gonic/gin"

	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

// Header values that every answer shares. net/http only reads them.
var (
	contentTypeJSON = []string{"application/json"}
	noStore         = []string{"no-store"}
	noSniff         = []string{"nosniff"}
)

var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxPooledAnswer keeps one huge answer from holding its memory for ever.
const maxPooledAnswer = 64 << 10

// Respond answers with v as JSON. Answers are not cached, unless the handler
// set Cache-Control. A v that cannot be encoded is answered as an internal
// error. With status 204 or a nil v there is no body.
func Respond(c *gin.Context, status int, v any) {
	header := c.Writer.Header()
	if _, set := header["Cache-Control"]; !set {
		header["Cache-Control"] = noStore
	}
	header["X-Content-Type-Options"] = noSniff
	if v == nil || status == http.StatusNoContent {
		c.Status(status)
		c.Writer.WriteHeaderNow()
		return
	}
	buffer := answers.Get().(*bytes.Buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer func() {
		if buffer.Cap() <= maxPooledAnswer {
			buffer.Reset()
			answers.Put(buffer)
		}
	}()
	// Encoded as a whole first, so that a failure can still change the status.
	if err := json.NewEncoder(buffer).Encode(v); err != nil {
		Fail(c, fmt.Errorf("encoding the answer: %w", err))
		return
	}
	header["Content-Type"] = contentTypeJSON
	header["Content-Length"] = []string{strconv.Itoa(buffer.Len())}
	c.Status(status)
	// A client that went away cannot be told anything.
	_, _ = c.Writer.Write(buffer.Bytes())
}

// Fail answers with the problem that err is, see Problem, and ends the chain of
// handlers. The cause is never answered; the request's log line has it.
func Fail(c *gin.Context, err error) {
	failure := problemOf(err, c.Request.Context().Err() != nil)
	if err == nil {
		err = failure
	}
	c.Abort()
	// The request's log line takes it from here.
	_ = c.Error(err)
	if c.Writer.Written() {
		// Too late to say anything: a stream that broke.
		return
	}
	failure.Write(c.Writer, c.Request.URL.Path, telemetry.TraceID(c.Request.Context()))
}

// Problem returns what a request with this context is answered when it fails
// with err: by the table of internal/problem. An error that is no problem is an
// internal error, or a timeout when it is the end of a deadline, or unavailable
// when the caller went away in the middle. It is never nil.
func Problem(ctx context.Context, err error) *problem.Error { return problemOf(err, ctx.Err() != nil) }

func problemOf(err error, gone bool) *problem.Error {
	failure := problem.From(err)
	switch {
	case failure == nil:
		return problem.New(problem.Internal, "").WithCause(errors.New("a handler failed without an error"))
	case failure.Code != problem.Internal:
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(problem.Timeout, "the answer took too long").WithCause(err)
	case gone && errors.Is(err, context.Canceled):
		// No fault of this process, and nobody is there to be answered.
		return problem.New(problem.Unavailable, "the caller went away").WithCause(err)
	}
	return failure
}
