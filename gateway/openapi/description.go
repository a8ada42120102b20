package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/getkin/kin-openapi/openapi3"
)

// Description is what the gateway itself goes by of openapi.yaml: which
// operations there are, who may use each, and what may stand in its query.
type Description struct {
	operations map[route]*Operation
}

// route names an operation by its method and its path in Gin's form.
type route struct{ method, path string }

// Operation is one method of one path.
type Operation struct {
	// Scopes are those of which a token must have one; none where every token
	// will do, or none is needed.
	Scopes []string

	query map[string]parameter
}

// Load reads openapi.yaml. An error is a fault in it, or a demand that the
// gateway does not know how to enforce.
func Load() (*Description, error) { return parse(YAML) }

func parse(data []byte) (*Description, error) {
	document, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("reading openapi.yaml: %w", err)
	}
	d := &Description{operations: make(map[route]*Operation)}
	for path, item := range document.Paths.Map() {
		for method, described := range item.Operations() {
			operation, err := newOperation(document, item, described)
			if err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s: %w", method, path, err)
			}
			d.operations[route{method, ginPath(path)}] = operation
		}
	}
	return d, nil
}

// Operation returns what is described for a route of Gin, such as GET of
// /v1/orders/:orderId, and whether there is such an operation. HEAD is described
// with GET.
func (d *Description) Operation(method, path string) (operation *Operation, described bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	operation, described = d.operations[route{method, path}]
	return operation, described
}

func newOperation(document *openapi3.T, item *openapi3.PathItem, described *openapi3.Operation) (*Operation, error) {
	demanded := document.Security
	if described.Security != nil {
		demanded = *described.Security
	}
	scopes, err := scopesOf(demanded)
	if err != nil {
		return nil, err
	}
	operation := &Operation{Scopes: scopes, query: make(map[string]parameter)}
	for _, parameters := range []openapi3.Parameters{item.Parameters, described.Parameters} {
		for _, reference := range parameters {
			if reference.Value.In != openapi3.ParameterInQuery {
				continue
			}
			if operation.query[reference.Value.Name], err = newParameter(reference.Value); err != nil {
				return nil, err
			}
		}
	}
	return operation, nil
}

// scopesOf reads a choice of requirements, each of which is a token with at most
// one scope.
func scopesOf(demanded openapi3.SecurityRequirements) ([]string, error) {
	var scopes []string
	for _, requirement := range demanded {
		needed, isToken := requirement["token"]
		switch {
		case !isToken || len(requirement) != 1 || len(needed) > 1:
			return nil, errors.New("a requirement must be a token, with at most one scope")
		case len(needed) == 0 && len(demanded) > 1:
			return nil, errors.New("a token without a scope leaves nothing to choose")
		}
		scopes = append(scopes, needed...)
	}
	return scopes, nil
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func ginPath(path string) string { return pathParameter.ReplaceAllString(path, ":$1") }
