// Package faults makes a service misbehave on purpose, so that people can
// watch orders survive it, and tests can prove that they do.
//
// A [Spec] is read from the setting ORDERFLOW_FAULTS and applied as Gin
// middleware: it adds latency, refuses a share of the requests before any
// effect, and loses the answers of another share after their effect, which is
// the fault that idempotency exists for. A [Switch] lets it change while the
// service runs. Health, readiness and metrics are not touched when the
// middleware is installed after their routes, as internal/httpserver does.
//
// The package is not for faults of the network or of processes; the fault test
// makes those from outside.
package faults

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/trace"

	"orderflow/internal/problem"
)

// retryAfter is what an injected refusal tells the client to wait.
const retryAfter = time.Second

// Spec says how a service misbehaves. The zero value is no faults.
type Spec struct {
	// Latency is added to every request before its work begins.
	Latency time.Duration
	// Error is the share of requests, 0 to 1, that are answered 503 before any
	// effect.
	Error float64
	// Lost is the share of requests, 0 to 1, whose effect happens and whose
	// connection then closes without an answer.
	Lost float64
}

// Parse reads a specification such as "latency=200ms,error=0.1,lost=0.05".
// Every part is optional, and "" is no faults. Error and lost together are at
// most 1: one request has one of them.
func Parse(text string) (Spec, error) {
	var spec Spec
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if seen[name] {
			return Spec{}, fmt.Errorf("fault %q is given twice", name)
		}
		seen[name] = true

		var err error
		switch name {
		case "latency":
			spec.Latency, err = parseLatency(value)
		case "error":
			spec.Error, err = parseShare(value)
		case "lost":
			spec.Lost, err = parseShare(value)
		default:
			err = fmt.Errorf("it is none of latency, error, lost")
		}
		if err != nil {
			return Spec{}, fmt.Errorf("fault %q: %w", part, err)
		}
	}
	if spec.Error+spec.Lost > 1 {
		return Spec{}, fmt.Errorf("the shares of error and lost are %v together, more than 1", spec.Error+spec.Lost)
	}
	return spec, nil
}

func parseLatency(value string) (time.Duration, error) {
	latency, err := time.ParseDuration(value)
	if err != nil || latency < 0 {
		return 0, fmt.Errorf("it needs a duration such as 200ms")
	}
	return latency, nil
}

func parseShare(value string) (float64, error) {
	share, err := strconv.ParseFloat(value, 64)
	if err != nil || !(share >= 0 && share <= 1) { // written so that NaN fails
		return 0, fmt.Errorf("it needs a share from 0 to 1")
	}
	return share, nil
}

// String gives the form that Parse reads.
func (s Spec) String() string {
	var parts []string
	if s.Latency > 0 {
		parts = append(parts, "latency="+s.Latency.String())
	}
	if s.Error > 0 {
		parts = append(parts, "error="+strconv.FormatFloat(s.Error, 'g', -1, 64))
	}
	if s.Lost > 0 {
		parts = append(parts, "lost="+strconv.FormatFloat(s.Lost, 'g', -1, 64))
	}
	return strings.Join(parts, ",")
}

// UnmarshalText is Parse for configuration readers.
func (s *Spec) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// MarshalText is String for configuration writers.
func (s Spec) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Active says whether there is any fault.
func (s Spec) Active() bool { return s != Spec{} }

// Middleware applies the faults. Random returns numbers in [0, 1) and is
// called once per request, from many goroutines.
//
// A request without an answer, because it is lost or because the client did not
// wait for the end of the latency, ends as a panic with http.ErrAbortHandler,
// which net/http understands as "close the connection, log nothing": recovering
// middleware before this one must pass it on.
func (s Spec) Middleware(random func() float64) gin.HandlerFunc {
	return func(c *gin.Context) { s.inject(c, random) }
}

func (s Spec) inject(c *gin.Context, random func() float64) {
	if s.Latency > 0 {
		readAhead(c.Request)
	}
	if err := wait(c.Request.Context(), s.Latency); err != nil {
		// The client has gone away: there is nobody to answer, and nothing that
		// metrics should take for an answer.
		panic(http.ErrAbortHandler)
	}
	switch drawn := random(); {
	case drawn < s.Error:
		c.Abort()
		refuse(c)
	case drawn < s.Error+s.Lost:
		loseAnswer(c)
	default:
		c.Next()
	}
}

// readAhead takes the request's body into memory: net/http notices that a
// client has gone away only when the body was read. How reading it failed is
// left for the handler to find.
func readAhead(r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	body, err := io.ReadAll(r.Body)
	r.Body = &bodyAhead{Reader: bytes.NewReader(body), failure: cmp.Or(err, io.EOF), Closer: r.Body}
}

// bodyAhead is a body that was read already, and how that ended.
type bodyAhead struct {
	*bytes.Reader
	io.Closer
	failure error
}

func (b *bodyAhead) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.failure
	}
	return n, err
}

func wait(ctx context.Context, latency time.Duration) error {
	if latency <= 0 {
		return nil
	}
	timer := time.NewTimer(latency)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func refuse(c *gin.Context) {
	traceID := ""
	if span := trace.SpanContextFromContext(c.Request.Context()); span.HasTraceID() {
		traceID = span.TraceID().String()
	}
	problem.New(problem.Unavailable, "an injected fault refused the request").
		WithRetryAfter(retryAfter).
		Write(c.Writer, c.Request.URL.Path, traceID)
}

// loseAnswer runs the handler to its end with a writer that keeps nothing.
func loseAnswer(c *gin.Context) {
	writer := c.Writer
	c.Writer = &blackHole{ResponseWriter: writer, header: make(http.Header), status: http.StatusOK}
	func() {
		// The true writer comes back also when the handler panics, so that
		// the panic is answered as always.
		defer func() { c.Writer = writer }()
		c.Next()
	}()
	panic(http.ErrAbortHandler)
}

// blackHole swallows an answer and remembers only what handlers ask for.
type blackHole struct {
	gin.ResponseWriter
	header  http.Header
	status  int
	size    int
	written bool
}

func (w *blackHole) Header() http.Header    { return w.header }
func (w *blackHole) WriteHeader(status int) { w.status = status }
func (w *blackHole) WriteHeaderNow()        { w.written = true }
func (w *blackHole) Flush()                 { w.written = true }
func (w *blackHole) Status() int            { return w.status }
func (w *blackHole) Size() int              { return w.size }
func (w *blackHole) Written() bool          { return w.written }

func (w *blackHole) Write(data []byte) (int, error) {
	w.written = true
	w.size += len(data)
	return len(data), nil
}

func (w *blackHole) WriteString(text string) (int, error) { return w.Write([]byte(text)) }
