package openapi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// document describes one operation, with a parameter in its query.
func document(parameter, security string) []byte {
	return fmt.Appendf(nil, `
openapi: 3.1.0
info: {title: Test, version: "1"}
paths:
  /things:
    get:
      security: %s
      parameters: [%s]
      responses: {"200": {description: All.}}
`, security, parameter)
}

func query(schema string) string { return "{name: size, in: query, schema: " + schema + "}" }

const open = "[]"

func TestWhatIsCheckedMayBeDescribed(t *testing.T) {
	for _, schema := range []string{
		"{type: integer, minimum: 0}", "{type: integer, format: int64, minimum: 1, maximum: 9, default: 2, description: How many.}",
		"{type: string}", "{type: string, enum: [small, large], example: small}", "{type: string, format: date-time}",
	} {
		_, err := parse(document(query(schema), open))
		require.NoError(t, err, schema)
	}
}

// A keyword that nobody checks would be a promise that nobody keeps.
func TestWhatNothingChecksEndsTheStart(t *testing.T) {
	for _, parameter := range []string{
		query("{}"), query("true"), query("{type: number, minimum: 1}"), query("{type: array, items: {type: string}}"), query("{type: [string, integer]}"),
		query("{type: integer}"), query("{type: integer, minimum: -1}"), query("{type: integer, minimum: 1.5}"), query("{type: integer, minimum: 1, maximum: 2.5}"),
		query("{type: integer, minimum: 1, multipleOf: 5}"), query("{type: integer, minimum: 1, exclusiveMaximum: 5}"),
		query("{type: integer, minimum: 1, exclusiveMinimum: 3}"), query("{type: integer, minimum: 1, format: int32}"),
		query("{type: integer, minimum: 1, enum: [1, 2]}"), query("{type: integer, minimum: 1, not: {const: 3}}"),
		query("{type: string, enum: [a, b], pattern: a}"), query("{type: string, enum: [a, b], format: date-time}"),
		query("{type: string, pattern: a}"), query("{type: string, minLength: 1}"), query("{type: string, maxLength: 9}"),
		query("{type: string, format: date}"), query("{type: string, const: a}"), query("{type: string, x-size: 1}"),
		"{name: size, in: query, content: {application/json: {schema: {type: string}}}}", "{name: size, in: query}",
		"{name: size, in: query, required: true, schema: {type: string}}", "{name: size, in: query, style: pipeDelimited, schema: {type: string}}",
	} {
		_, err := parse(document(parameter, open))
		require.Error(t, err, parameter)
		assert.ErrorContains(t, err, "openapi.yaml: GET /things: nothing checks a parameter like size in a query", parameter)
	}
	_, err := parse([]byte("paths: ["))
	require.ErrorContains(t, err, "reading openapi.yaml")
}

func TestARequirementThatIsNoTokenEndsTheStart(t *testing.T) {
	for security, fine := range map[string]bool{
		"[{token: [ops]}, {token: [admin]}]": true, "[{token: []}]": true, "[]": true,
		"[{token: [ops, admin]}]": false, "[{key: []}]": false, "[{}]": false, "[{token: []}, {token: [ops]}]": false, "[{token: [ops], key: []}]": false,
	} {
		_, err := parse(document("", security))
		assert.Equal(t, fine, err == nil, security)
	}
}
