package openapi

import (
	"fmt"
	"net/url"
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

// newParameter knows integers with bounds, texts, choices of texts, and times.
func newParameter(described *openapi3.Parameter) (parameter, error) {
	schema := described.Schema.Value
	switch {
	case schema.Type.Is(openapi3.TypeInteger) && schema.Min != nil:
		return integer(int64(*schema.Min), schema.Max), nil
	case schema.Type.Is(openapi3.TypeString) && len(schema.Enum) > 0:
		return choice(schema.Enum), nil
	case schema.Type.Is(openapi3.TypeString) && schema.Format == "date-time":
		return parameter{accepts: isTime, wanted: "a time of RFC 3339"}, nil
	case schema.Type.Is(openapi3.TypeString) && schema.Format == "" && schema.Pattern == "" && schema.MinLength == 0 && schema.MaxLength == nil:
		return parameter{accepts: func(string) bool { return true }}, nil
	default:
		return parameter{}, fmt.Errorf("nothing checks a parameter like %s in a query", described.Name)
	}
}

func integer(minimum int64, maximum *float64) parameter {
	wanted := fmt.Sprintf("an integer from %d", minimum)
	if maximum != nil {
		wanted += fmt.Sprintf(" to %d", int64(*maximum))
	}
	return parameter{wanted: wanted, accepts: func(value string) bool {
		number, err := strconv.ParseInt(value, 10, 64)
		return err == nil && number >= minimum && (maximum == nil || number <= int64(*maximum))
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
