package domain

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxLineLength = 200

var (
	// orderIDPattern is that of the fence's keys.
	orderIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	// referencePattern is that of product and customer IDs.
	referencePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// validator collects violations, so that one answer names them all. The zero
// value is ready for use.
type validator struct {
	violations []Violation
}

func (v *validator) add(pointer, format string, args ...any) {
	v.violations = append(v.violations, Violation{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

func (v *validator) err() error {
	if len(v.violations) == 0 {
		return nil
	}
	return &InvalidError{Violations: v.violations}
}

func (v *validator) matches(pointer, value string, pattern *regexp.Regexp) {
	if !pattern.MatchString(value) {
		v.add(pointer, "must match %s", pattern)
	}
}

// line accepts 1 to 200 characters of one line: names, numbers, carriers.
func (v *validator) line(pointer, value string) { v.lineOf(pointer, value, maxLineLength) }

// lineOf accepts 1 to longest characters of one line. What it accepts, and its
// words, are those of internal/validate at the gateway, which this package must
// not import.
func (v *validator) lineOf(pointer, value string, longest int) {
	switch length := utf8.RuneCountInString(value); {
	case value == "":
		v.add(pointer, "is required")
	case !utf8.ValidString(value):
		v.add(pointer, "must be valid UTF-8")
	case length > longest:
		v.add(pointer, "must have 1 to %d characters", longest)
	case strings.ContainsFunc(value, unicode.IsControl):
		v.add(pointer, "must not contain control characters")
	case strings.TrimSpace(value) == "":
		v.add(pointer, "must not be blank")
	}
}

// text accepts any valid text of shortest to longest characters.
func (v *validator) text(pointer, value string, shortest, longest int) {
	switch length := utf8.RuneCountInString(value); {
	case !utf8.ValidString(value):
		v.add(pointer, "must be valid UTF-8")
	case length < shortest || length > longest:
		v.add(pointer, "must have %d to %d characters", shortest, longest)
	}
}

func indexed(pointer string, i int) string { return pointer + "/" + strconv.Itoa(i) }
