// Package openapitest holds what the gateway is asked and answers against its
// description, openapi.yaml: a route, a status, a media type or a field that is
// not described fails the test that meets it. It is for tests, of the handlers
// as of whole systems; the gateway itself checks requests in its own code, with
// better messages.
package openapitest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi"
)

// Description is openapi.yaml, ready to be compared with.
type Description struct {
	document *openapi3.T
	router   routers.Router
}

// Load returns the description. The test fails if it is not valid OpenAPI 3.1.
func Load(t testing.TB) *Description {
	t.Helper()
	description, err := load()
	require.NoError(t, err)
	return description
}

var load = sync.OnceValues(func() (*Description, error) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.YAML)
	if err != nil {
		return nil, fmt.Errorf("reading openapi.yaml: %w", err)
	}
	// The examples of JSON lines are texts of several values, which only
	// Examples knows how to check.
	if err := document.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	document.Servers = nil // whatever address a test serves at
	closeObjects(document)
	router, err := gorillamux.NewRouter(document)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return &Description{document: document, router: router}, nil
})

// closeObjects allows no property that is not described. Clients are told to
// expect new ones, so the description leaves answers open; here an answer with
// more in it than is described means that somebody forgot to describe it.
func closeObjects(document *openapi3.T) {
	eachSchema(document, func(schema *openapi3.Schema) {
		if len(schema.Properties) > 0 && schema.AdditionalProperties.Has == nil && schema.AdditionalProperties.Schema == nil {
			no := false
			schema.AdditionalProperties.Has = &no
		}
	})
}

// eachSchema visits every schema once.
func eachSchema(document *openapi3.T, visit func(*openapi3.Schema)) {
	seen := make(map[*openapi3.Schema]bool)
	var walk func(*openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		schema := ref.Value
		seen[schema] = true
		visit(schema)
		for _, property := range schema.Properties {
			walk(property)
		}
		for _, choices := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf, schema.AllOf, schema.PrefixItems} {
			for _, choice := range choices {
				walk(choice)
			}
		}
		walk(schema.Items)
		walk(schema.AdditionalProperties.Schema)
	}
	for _, schema := range document.Components.Schemas {
		walk(schema)
	}
	eachMedia(document, func(_, _ string, media *openapi3.MediaType) { walk(media.Schema) })
}

// eachMedia visits every body of a request or an answer, with the operation it
// belongs to and its media type.
func eachMedia(document *openapi3.T, visit func(operation, mediaType string, media *openapi3.MediaType)) {
	all := func(operation string, content openapi3.Content) {
		for mediaType, media := range content {
			visit(operation, mediaType, media)
		}
	}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + path
			if operation.RequestBody != nil {
				all(name, operation.RequestBody.Value.Content)
			}
			for status, response := range operation.Responses.Map() {
				all(name+" "+status, response.Value.Content)
			}
		}
	}
}
