package docs_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"orderflow/gateway/internal/docs"
	"orderflow/gateway/openapi"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

func serve(t *testing.T, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	page, err := docs.New(openapi.YAML)
	require.NoError(t, err)
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: true})
	page.Register(engine)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	return recorder
}

// all are the first groups of all matches.
func all(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestThePageHasEveryOperationSchemaAndProblemType(t *testing.T) {
	answer := serve(t, "/docs", nil)
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, "text/html; charset=utf-8", answer.Header().Get("Content-Type"))
	page := answer.Body.String()

	var description struct {
		Paths      map[string]map[string]yaml.Node
		Components struct{ Schemas map[string]yaml.Node }
	}
	require.NoError(t, yaml.Unmarshal(openapi.YAML, &description))
	for path, methods := range description.Paths {
		assert.Contains(t, page, "<code>"+path+"</code>")
		for method, node := range methods {
			if method == "parameters" {
				continue
			}
			var operation struct {
				OperationID string `yaml:"operationId"`
				Summary     string
			}
			require.NoError(t, node.Decode(&operation))
			assert.Contains(t, page, `<article id="`+operation.OperationID+`">`)
		}
	}
	for name := range description.Components.Schemas {
		assert.Contains(t, page, `<article id="schema-`+name+`">`)
	}
	for _, code := range problem.Codes() {
		assert.Contains(t, page, "<code>"+code.Type()+"</code>")
	}
}

func TestEveryLinkOfThePageLeadsSomewhere(t *testing.T) {
	page := serve(t, "/docs", nil).Body.String()
	ids := make(map[string]bool)
	for _, id := range all(`\bid="([^"]*)"`, page) {
		assert.False(t, ids[id], "two elements are called %s", id)
		ids[id] = true
	}
	for _, target := range all(`\bhref="([^"]*)"`, page) {
		anchor, inside := strings.CutPrefix(target, "#")
		if inside {
			assert.True(t, ids[anchor], target)
			continue
		}
		assert.Contains(t, []string{"/docs/style.css", "/openapi.yaml"}, target, "the page needs nothing from elsewhere")
	}
}

func TestThePageDoesNothing(t *testing.T) {
	for path, contentType := range map[string]string{"/docs": "text/html; charset=utf-8", "/docs/style.css": "text/css; charset=utf-8"} {
		answer := serve(t, path, nil)
		assert.Equal(t, contentType, answer.Header().Get("Content-Type"))
		policy := answer.Header().Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'")
		assert.NotContains(t, policy, "unsafe")
		body := answer.Body.String()
		for _, forbidden := range []string{"<script", "javascript:", " style=", "<style", " onclick", "@import", "url(", "<img", "<form"} {
			assert.NotContains(t, body, forbidden)
		}
	}
}

func TestThePageIsSentAgainOnlyWhenItHasChanged(t *testing.T) {
	for _, path := range []string{"/docs", "/docs/style.css"} {
		first := serve(t, path, nil)
		tag := first.Header().Get("ETag")
		require.True(t, strings.HasPrefix(tag, `W/"`), "it may be compressed")
		again := serve(t, path, http.Header{"If-None-Match": {tag}})
		assert.Equal(t, http.StatusNotModified, again.Code)
		assert.Empty(t, again.Body.String())
		assert.Equal(t, http.StatusOK, serve(t, path, http.Header{"If-None-Match": {`W/"other"`}}).Code)
	}
}

const small = `
info: {title: A <b>, version: "1", description: "One **bold** and ` + "`<code>`" + `.\n\nTwo."}
servers: [{url: "https://api.shop.example"}]
tags: [{name: things}]
paths:
  /things/{id}:
    put:
      operationId: putThing
      tags: [TAG]
      summary: Put a thing
      parameters:
        - {name: id, in: path, required: true, example: thing-1, schema: {type: string}}
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/REF'}
            example: {note: "it's", count: 2, tags: [a, b], long: "0123456789012345678901234567890123456789"}
      responses:
        '200': {description: Done.}
components:
  schemas:
    Thing:
      type: object
      required: [note]
      properties:
        note: {type: string, maxLength: 5}
        count: {type: [integer, 'null'], minimum: 1, maximum: 9}
        parts: {type: array, items: {$ref: '#/components/schemas/Thing'}}
        either: {oneOf: [{type: 'null'}, {$ref: '#/components/schemas/Thing'}]}
        names: {type: object, additionalProperties: {type: boolean}}
`

func page(t *testing.T, description string) string {
	t.Helper()
	made, err := docs.New([]byte(description))
	require.NoError(t, err)
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway"})
	made.Register(engine)
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/docs", nil))
	// Phrases are compared as they are read.
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(recorder.Body.String(), "")), " ")
}

func TestWhatIsDescribedIsSaidInWords(t *testing.T) {
	read := page(t, strings.NewReplacer("TAG", "things", "REF", "Thing").Replace(small))
	for _, phrase := range []string{
		"A &lt;b&gt; API",
		"One bold and &lt;code&gt;. Two.",
		"id in path string required Such as thing-1",
		"note string at most 5 characters required",
		"count integer or null 1 to 9",
		"parts array of Thing",
		"either null or Thing",
		"names object any name boolean",
		`{ &#34;note&#34;: &#34;it&#39;s&#34;, &#34;count&#34;: 2, &#34;tags&#34;: [&#34;a&#34;, &#34;b&#34;],`,
		`curl -X PUT &#39;https://api.shop.example/things/thing-1&#39; \ -H &#34;Authorization: Bearer $TOKEN&#34; \ -H &#39;Content-Type: application/json&#39; \ --data-binary &#39;{ &#34;note&#34;: &#34;it&#39;\&#39;&#39;s&#34;`,
	} {
		assert.Contains(t, read, phrase)
	}
}

func TestAFaultInTheDescriptionIsAnError(t *testing.T) {
	for name, description := range map[string]string{
		"leads nowhere":      strings.NewReplacer("TAG", "things", "REF", "Thin").Replace(small),
		"list of tags":       strings.NewReplacer("TAG", "other", "REF", "Thing").Replace(small),
		"it is no object":    "[]",
		"reading the descri": "\t{",
	} {
		_, err := docs.New([]byte(description))
		require.ErrorContains(t, err, name)
	}
}
