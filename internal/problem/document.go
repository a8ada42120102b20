package problem

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MediaType is the content type of a Document.
const MediaType = "application/problem+json"

// Document is the JSON body of RFC 9457, section 3, with two extension
// members: errors (one entry per unacceptable field) and traceId.
type Document struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	// Instance is the path of the request that failed.
	Instance string       `json:"instance,omitempty"`
	Errors   []FieldError `json:"errors,omitempty"`
	TraceID  string       `json:"traceId,omitempty"`
}

// Document returns what a client may see of the error. The cause never is in
// it, and neither is the detail of an Internal error, which may quote anything.
func (e *Error) Document() Document {
	code, detail := e.Code, e.Detail
	if _, known := codes[code]; !known {
		code = Internal
	}
	if code == Internal {
		detail = "something went wrong here; the trace ID helps to find it"
	}
	return Document{
		Type:   code.Type(),
		Title:  code.Title(),
		Status: code.Status(),
		Detail: detail,
		Errors: slices.Clone(e.Fields),
	}
}

// FromDocument rebuilds the Error that a server answered with. A type that is
// not in the table becomes the plainest code of the document's status.
// RetryAfter stands in the Retry-After header, not in the document.
func FromDocument(d Document, retryAfter time.Duration) *Error {
	code, ours := strings.CutPrefix(d.Type, TypePrefix)
	if _, known := codes[Code(code)]; !ours || !known {
		code = string(codeOfStatus(d.Status))
	}
	return &Error{
		Code:       Code(code),
		Detail:     d.Detail,
		Fields:     slices.Clone(d.Errors),
		RetryAfter: retryAfter,
	}
}

// defaultRetryAfter is for a failure that passes when nobody knows when.
const defaultRetryAfter = time.Second

// Write answers a request with the error: status, headers and document. Every
// 429 and 503 has Retry-After (whole seconds, rounded up; 1 when unknown), and
// every 401 WWW-Authenticate. Instance is the request's path, traceID may be
// empty. It must be the first thing that is written to w.
func (e *Error) Write(w http.ResponseWriter, instance, traceID string) {
	document := e.Document()
	document.Instance, document.TraceID = instance, traceID

	// A Document has only strings and numbers: encoding cannot fail.
	body, _ := json.Marshal(document)

	header := w.Header()
	header.Set("Content-Type", MediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	retryAfter := e.RetryAfter
	switch document.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		retryAfter = cmp.Or(retryAfter, defaultRetryAfter)
	case http.StatusUnauthorized:
		if header.Get("WWW-Authenticate") == "" {
			header.Set("WWW-Authenticate", "Bearer")
		}
	}
	if retryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(wholeSeconds(retryAfter), 10))
	}
	w.WriteHeader(document.Status)
	// A client that went away cannot be told anything.
	_, _ = w.Write(body)
}

func wholeSeconds(d time.Duration) int64 {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return seconds
}
