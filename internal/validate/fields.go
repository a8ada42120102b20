package validate

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"orderflow/internal/problem"
)

// MaxText is the usual limit of a text in characters.
const MaxText = 200

// idPattern is the form of product, customer and reference IDs.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// IsID reports whether the text can be the ID of a product or a customer.
// A path with another text names nothing that exists.
func IsID(text string) bool { return idPattern.MatchString(text) }

// Fields collects the unacceptable parts of one body. Each method checks one
// part, which it names by its JSON pointer (RFC 6901).
type Fields struct {
	violations problem.Violations
}

// New returns a Fields without violations.
func New() *Fields { return &Fields{} }

// Err returns nil when every check passed, otherwise a *problem.Error of code
// problem.Invalid with one entry for each violation.
func (f *Fields) Err() error { return f.violations.Err() }

// Require records a violation unless ok: for rules that only one caller has.
// The detail, formatted as by fmt.Sprintf, completes "this part …". It must
// not repeat the value.
func (f *Fields) Require(ok bool, pointer, detail string, args ...any) {
	if !ok {
		f.violations.Add(pointer, detail, args...)
	}
}

// ID checks the form of an ID, which must be there.
func (f *Fields) ID(pointer, value string) {
	switch {
	case value == "":
		f.violations.Add(pointer, "is required")
	case !IsID(value):
		f.violations.Add(pointer, "must match %s", idPattern)
	}
}

// Text checks a text of minimum to maximum characters (code points) without
// control characters, line breaks included. A minimum of 0 makes it optional;
// otherwise it must have more than white space.
//
// Everything else is a matter of whoever shows it: markup, SQL and controls of
// writing direction are stored as they are.
func (f *Fields) Text(pointer, value string, minimum, maximum int) {
	switch length := utf8.RuneCountInString(value); {
	case value == "" && minimum > 0:
		f.violations.Add(pointer, "is required")
	case !utf8.ValidString(value):
		f.violations.Add(pointer, "must be valid UTF-8")
	case length < minimum || length > maximum:
		f.violations.Add(pointer, "must have %d to %d characters", minimum, maximum)
	case strings.ContainsFunc(value, unicode.IsControl):
		f.violations.Add(pointer, "must not contain control characters")
	case minimum > 0 && strings.TrimSpace(value) == "":
		f.violations.Add(pointer, "must not be blank")
	}
}

// Integer checks that the value lies between minimum and maximum, both
// included.
func (f *Fields) Integer(pointer string, value, minimum, maximum int64) {
	f.Require(minimum <= value && value <= maximum, pointer, "must be from %d to %d", minimum, maximum)
}

// Count checks the number of entries in an array.
func (f *Fields) Count(pointer string, entries, minimum, maximum int) {
	f.Require(minimum <= entries && entries <= maximum, pointer, "must have %d to %d entries", minimum, maximum)
}

// PathID checks that the ID in a body is the one in the request's path. The
// path's own form is for the caller to check, with IsID.
func (f *Fields) PathID(pointer, value, inPath string) {
	f.Require(value == inPath, pointer, "must be the ID in the path")
}
