package problem

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// FieldError says what is wrong with one part of a request body.
type FieldError struct {
	// Pointer is the JSON pointer (RFC 6901) of the part, such as
	// "/items/0/quantity". The empty pointer is the whole body.
	Pointer string `json:"pointer"`
	// Detail is one sentence for people.
	Detail string `json:"detail"`
}

// Error is one refusal or failure. It is a value: the With methods return a
// changed copy, so that a package-level Error can be shared.
type Error struct {
	Code Code
	// Detail is one sentence about this occurrence. Clients see it, except
	// with Internal. It carries no token, card data, name or address.
	Detail string
	// Fields name the unacceptable parts of the body.
	Fields []FieldError
	// RetryAfter is how long to wait before trying again; 0 is unknown.
	RetryAfter time.Duration
	// Err is the cause. It is for logs only and never leaves the process.
	Err error
}

// New returns an Error with a detail.
func New(code Code, detail string) *Error {
	return &Error{Code: code, Detail: detail}
}

// Newf returns an Error whose detail is formatted as by fmt.Sprintf. It does
// not wrap: give a cause with WithCause.
func Newf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// WithCause returns a copy that wraps err.
func (e *Error) WithCause(err error) *Error {
	changed := *e
	changed.Err = err
	return &changed
}

// WithField returns a copy with one more unacceptable field.
func (e *Error) WithField(pointer, detail string) *Error {
	changed := *e
	changed.Fields = append(slices.Clip(e.Fields), FieldError{Pointer: pointer, Detail: detail})
	return &changed
}

// WithRetryAfter returns a copy that tells the client to wait for d.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	changed := *e
	changed.RetryAfter = d
	return &changed
}

// Error gives code, detail, the first field and the cause, for logs.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if len(e.Fields) > 0 {
		text += fmt.Sprintf(" (%s: %s", e.Fields[0].Pointer, e.Fields[0].Detail)
		if more := len(e.Fields) - 1; more > 0 {
			text += fmt.Sprintf(", and %d more", more)
		}
		text += ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Describer is an error of another package that knows what a client should be
// told, such as a call that found no instance.
type Describer interface {
	error
	Problem() *Error
}

// From returns what a client should be told of err: the *Error in its chain,
// or else what a Describer in its chain says. Any other error becomes an
// Internal one with err as its cause; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var found *Error
	if errors.As(err, &found) {
		return found
	}
	var describer Describer
	if errors.As(err, &describer) {
		described := describer.Problem()
		if described.Err == nil {
			described = described.WithCause(err)
		}
		return described
	}
	return New(Internal, "").WithCause(err)
}

// CodeOf returns the code of what From returns: Internal for an error that is
// no problem, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// Violations collects what is wrong with a body, so that one answer names
// every unacceptable field. The zero value is ready for use.
type Violations struct {
	fields []FieldError
}

// Add records one violation; the detail is formatted as by fmt.Sprintf.
func (v *Violations) Add(pointer, format string, args ...any) {
	v.fields = append(v.fields, FieldError{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

// Err returns nil when nothing was recorded, an Invalid *Error with all fields
// otherwise.
func (v *Violations) Err() error {
	if len(v.fields) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Detail: "the body has unacceptable values", Fields: slices.Clone(v.fields)}
}
