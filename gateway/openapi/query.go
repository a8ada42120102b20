package openapi

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"orderflow/internal/problem"
)

// parameter is a parameter of a query, which may stand there once.
type parameter struct {
	accepts func(value string) bool
	// wanted says what is accepted.
	wanted string
}

// newParameter knows integers with bounds from 0, texts, choices of texts, and
// times. A keyword that says more of them is an error: nothing would check it.
func newParameter(described *openapi3.Parameter) (parameter, error) {
	if described.Schema != nil && saysOnly(described, "name", "in", "schema") {
		schema := described.Schema.Value
		switch {
		case schema.Type.Is(openapi3.TypeInteger) && (schema.Format == "" || schema.Format == "int64") &&
			saysOnly(schema, "type", "format", "minimum", "maximum") && isBound(schema.Min) && (schema.Max == nil || isBound(schema.Max)):
			return integer(int64(*schema.Min), schema.Max), nil
		case schema.Type.Is(openapi3.TypeString) && len(schema.Enum) > 0 && saysOnly(schema, "type", "enum"):
			return choice(schema.Enum), nil
		case schema.Type.Is(openapi3.TypeString) && schema.Format == "date-time" && saysOnly(schema, "type", "format"):
			return parameter{accepts: isTime, wanted: "a time of RFC 3339"}, nil
		case schema.Type.Is(openapi3.TypeString) && saysOnly(schema, "type"):
			return parameter{accepts: func(string) bool { return true }}, nil
		}
	}
	return parameter{}, fmt.Errorf("nothing checks a parameter like %s in a query", described.Name)
}

// saysOnly reports whether what is described has no other keywords than these,
// and those that are for people.
func saysOnly(described json.Marshaler, keywords ...string) bool {
	data, err := described.MarshalJSON()
	if err != nil {
		return false
	}
	var said map[string]json.RawMessage
	if json.Unmarshal(data, &said) != nil {
		return false
	}
	for _, known := range append(keywords, "title", "description", "default", "example", "examples", "deprecated") {
		delete(said, known)
	}
	return len(said) == 0
}

// isBound reports whether a bound is one that integers without a sign can have.
func isBound(bound *float64) bool {
	const exact = 1 << 53
	return bound != nil && *bound >= 0 && *bound <= exact && *bound == math.Trunc(*bound)
}

// digits are how an integer is written, in one way only.
var digits = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)

func integer(minimum int64, maximum *float64) parameter {
	wanted := fmt.Sprintf("an integer from %d", minimum)
	if maximum != nil {
		wanted += fmt.Sprintf(" to %d", int64(*maximum))
	}
	return parameter{wanted: wanted, accepts: func(value string) bool {
		number, err := strconv.ParseInt(value, 10, 64)
		return err == nil && digits.MatchString(value) && number >= minimum && (maximum == nil || number <= int64(*maximum))
	}}
}

func choice(enum []any) parameter {
	var values []string
	for _, value := range enum {
		values = append(values, fmt.Sprint(value))
	}
	named := slices.DeleteFunc(slices.Clone(values), func(value string) bool { return value == "" })
	return parameter{
		wanted:  "one of " + strings.Join(named, ", "),
		accepts: func(value string) bool { return slices.Contains(values, value) },
	}
}

func isTime(value string) bool {
	_, err := time.Parse(time.RFC3339Nano, value)
	return err == nil
}

// CheckQuery returns nil when every parameter of the query is described, stands
// there once, and has a value that the description allows; otherwise a
// *problem.Error of code problem.Malformed.
func (o *Operation) CheckQuery(rawQuery string) error {
	if rawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return problem.New(problem.Malformed, "the query cannot be read").WithCause(err)
	}
	for name, values := range query {
		described, known := o.query[name]
		switch {
		case !known:
			return problem.New(problem.Malformed, "the query has an unknown parameter; "+o.knownParameters())
		case len(values) > 1:
			return problem.Newf(problem.Malformed, "the parameter %s stands twice", name)
		case !described.accepts(values[0]):
			return problem.Newf(problem.Malformed, "the parameter %s must be %s", name, described.wanted)
		}
	}
	return nil
}

// knownParameters tells the parameters' names. Those of the request stay out of
// every text: strangers choose them.
func (o *Operation) knownParameters() string {
	if len(o.query) == 0 {
		return "there is none here"
	}
	var names []string
	for name := range o.query {
		names = append(names, name)
	}
	slices.Sort(names)
	return "known are " + strings.Join(names, ", ")
}
