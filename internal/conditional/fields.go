package conditional

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"orderflow/internal/problem"
)

// The names of the fields in a header, and of the parameters that stand for
// them in a query.
const (
	matchField         = "If-Match"
	noneMatchField     = "If-None-Match"
	matchParameter     = "ifMatch"
	noneMatchParameter = "ifNoneMatch"
)

// maxTags bounds the list of one condition.
const maxTags = 100

// FromHeader reads the fields If-Match and If-None-Match (RFC 9110, sections
// 13.1.1 and 13.1.2): each is * or a list of entity tags. A weak tag never
// matches in If-Match, and matches as a strong one does in If-None-Match. A tag
// that no version has is legal and matches nothing.
//
// The error is problem.Malformed for a field that is neither, for more than 100
// tags, and for both fields at once.
func FromHeader(header http.Header) (Condition, error) {
	return read(header.Values(matchField), header.Values(noneMatchField))
}

// FromRequest reads the fields as FromHeader does, and beside them the
// parameters of Query. A field and its parameter together are one list.
func FromRequest(r *http.Request) (Condition, error) {
	query := r.URL.Query()
	return read(
		slices.Concat(r.Header.Values(matchField), query[matchParameter]),
		slices.Concat(r.Header.Values(noneMatchField), query[noneMatchParameter]))
}

// Query returns the condition as a query for the end of a path: "" or, for
// example, "?ifMatch=%225%22". A parameter's value is what the field's would
// be. It is for the clients of the services, whose calls have no fields of
// their own (rpc.Caller).
func (c Condition) Query() string {
	switch c.demand {
	case present:
		return asQuery(matchParameter, "*")
	case oneOf:
		return asQuery(matchParameter, c.list())
	case absent:
		return asQuery(noneMatchParameter, "*")
	case noneOf:
		return asQuery(noneMatchParameter, c.list())
	case nothing:
	}
	return ""
}

func asQuery(parameter, value string) string {
	return "?" + url.Values{parameter: {value}}.Encode()
}

func (c Condition) list() string {
	tags := make([]string, len(c.versions))
	for i, version := range c.versions {
		tags[i] = ETag(version)
	}
	return strings.Join(tags, ",")
}

// read takes the lines of both fields; no line means that the field is absent.
func read(match, noneMatch []string) (Condition, error) {
	switch {
	case len(match) > 0 && len(noneMatch) > 0:
		return Condition{}, problem.Newf(problem.Malformed, "%s and %s exclude each other here", matchField, noneMatchField)
	case len(match) > 0:
		return readField(matchField, match, present, oneOf)
	case len(noneMatch) > 0:
		return readField(noneMatchField, noneMatch, absent, noneOf)
	default:
		return Condition{}, nil
	}
}

// readField makes the demand any of a *, and listed of a list.
func readField(name string, lines []string, anyVersion, listed demand) (Condition, error) {
	// Lines of one name are one list (RFC 9110, section 5.3).
	value := strings.Join(lines, ",")
	if strings.Trim(value, whitespace) == "*" {
		return Condition{demand: anyVersion}, nil
	}
	tags, ok := parseTags(value)
	if !ok || len(tags) == 0 {
		return Condition{}, problem.Newf(problem.Malformed, `%s must be * or a list of entity tags, such as "3"`, name)
	}
	if len(tags) > maxTags {
		return Condition{}, problem.Newf(problem.Malformed, "%s must have at most %d entity tags", name, maxTags)
	}
	condition := Condition{demand: listed}
	for _, found := range tags {
		version := found.version()
		if found.weak && listed == oneOf {
			version = noVersion
		}
		condition.versions = append(condition.versions, version)
	}
	return condition, nil
}
