// Package strictjson decodes JSON that strangers send.
//
// It accepts exactly one value of RFC 8259 in the stricter reading of I-JSON
// (RFC 7493): valid UTF-8, no lone surrogates, no duplicate names. It also
// refuses unknown members, names in another case, nesting deeper than
// [MaxDepth] and anything after the value. What two readers could understand
// differently is refused, so that a check made here holds further in.
//
// It is not for data that the product wrote itself, such as stored events:
// there an unknown member is a newer version, not an attack.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"orderflow/internal/problem"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 32

var rejectUnknown = json.RejectUnknownMembers(true)

// Decode reads r to its end and decodes the one value into v, as [Unmarshal]
// does. It sets no limit on the size: give it a limited reader. An error of r
// itself is returned wrapped and is no *problem.Error.
func Decode(r io.Reader, v any) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return Unmarshal(body, v)
}

// Unmarshal decodes the one value in body into v, a non-nil pointer. On an
// error the content of v is undefined. Every error is a *problem.Error:
//
//   - problem.Malformed when body is no JSON in the sense of this package, has
//     an unknown or duplicate member, or is another kind of value than v
//     (such as an array where an object is expected);
//   - problem.Invalid, with the JSON pointer of the part, when a part has the
//     wrong type or is out of its type's range. A number is an integer only
//     when it is written as one: neither 1.5 nor "2" nor 1e2.
func Unmarshal(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return problem.New(problem.Malformed, "the body is empty")
	}
	if tooDeep(body) {
		return problem.Newf(problem.Malformed, "the body is nested deeper than %d", MaxDepth)
	}
	if bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return problem.New(problem.Malformed, "the body is null")
	}
	err := json.Unmarshal(body, v, rejectUnknown)
	if err == nil {
		return nil
	}
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return malformed(err)
	}
	// Decoding stops at the first unacceptable part. That the rest is JSON at
	// all is checked now, because a body that is none is malformed throughout.
	if syntaxErr := checkSyntax(body); syntaxErr != nil {
		return malformed(syntaxErr)
	}
	return unacceptable(semantic)
}

// tooDeep counts brackets outside strings. It needs no valid JSON, and it runs
// first because decoders recurse.
func tooDeep(body []byte) bool {
	depth, inString, escaped := 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case inString:
		case c == '{', c == '[':
			if depth++; depth > MaxDepth {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

func checkSyntax(body []byte) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(body))
	if _, err := decoder.ReadValue(); err != nil {
		return err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("data after the value")
	}
	return nil
}

func malformed(err error) *problem.Error {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return problem.New(problem.Malformed, "the body is not one JSON value").WithCause(err)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return problem.New(problem.Malformed, "the body has a duplicate member").
			WithField(string(syntactic.JSONPointer), "stands twice").WithCause(err)
	}
	return problem.Newf(problem.Malformed, "the body is not one JSON value: offset %d", syntactic.ByteOffset).WithCause(err)
}

func unacceptable(err *json.SemanticError) *problem.Error {
	pointer := string(err.JSONPointer)
	if errors.Is(err, json.ErrUnknownName) {
		return problem.New(problem.Malformed, "the body has an unknown member").
			WithField(pointer, "is unknown").WithCause(err)
	}
	want := expectation(err.GoType)
	if pointer == "" {
		return problem.New(problem.Malformed, "the body "+want).WithCause(err)
	}
	return problem.New(problem.Invalid, "the body has unacceptable values").
		WithField(pointer, want).WithCause(err)
}

// expectation says in the words of JSON what a Go type accepts. The library's
// own text names Go types, which are nobody's business outside.
func expectation(t reflect.Type) string {
	if t == nil {
		return "has an unacceptable value"
	}
	if t == reflect.TypeFor[time.Time]() {
		return "must be a time of RFC 3339"
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("must be an integer of at most %d bits", t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("must be an integer from 0 of at most %d bits", t.Bits())
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Struct, reflect.Map:
		return "must be an object"
	case reflect.Slice, reflect.Array:
		return "must be an array"
	case reflect.Pointer:
		return expectation(t.Elem())
	default:
		return "has an unacceptable value"
	}
}

// Pointer joins the parts of a JSON pointer and escapes each (RFC 6901,
// section 3): Pointer("items", "0", "quantity") is "/items/0/quantity".
func Pointer(parts ...string) string {
	var pointer strings.Builder
	for _, part := range parts {
		pointer.WriteByte('/')
		pointer.WriteString(escapePointer.Replace(part))
	}
	return pointer.String()
}

var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")
