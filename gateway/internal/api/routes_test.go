package api_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/openapi"
	"orderflow/internal/problem"
)

var parameter = regexp.MustCompile(`:(\w+)`)

// served lists the routes of the engine as "METHOD /path/{parameter}". HEAD is
// described with GET, once for all.
func served(g *gateway) []string {
	var routes []string
	for _, route := range g.engine.Routes() {
		if route.Method == http.MethodHead {
			continue
		}
		routes = append(routes, route.Method+" "+parameter.ReplaceAllString(route.Path, "{$1}"))
	}
	slices.Sort(routes)
	return routes
}

type operation struct {
	OperationID string `yaml:"operationId"`
	Description string
	Security    *[]map[string][]string
	Responses   map[string]any
}

// hasETag reports whether the answer to a success names the row's version.
func (o operation) hasETag() bool {
	success, _ := o.Responses["200"].(map[string]any)
	headers, _ := success["headers"].(map[string]any)
	return headers["ETag"] != nil
}

// documented reads the operations of openapi.yaml by the same names.
func documented(t testing.TB) map[string]operation {
	t.Helper()
	var document struct {
		OpenAPI string                          `yaml:"openapi"`
		Paths   map[string]map[string]yaml.Node `yaml:"paths"`
	}
	require.NoError(t, yaml.Unmarshal(openapi.YAML, &document))
	require.Equal(t, "3.1.0", document.OpenAPI)
	operations := make(map[string]operation)
	for path, item := range document.Paths {
		for method, node := range item {
			if method == "parameters" {
				continue
			}
			var described operation
			require.NoError(t, node.Decode(&described))
			operations[strings.ToUpper(method)+" "+path] = described
		}
	}
	return operations
}

func TestServedRoutesAreDocumentedRoutes(t *testing.T) {
	var names []string
	for name := range documented(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	assert.Equal(t, names, served(newGateway(t)))
}

func TestTheDescriptionDemandsATokenWhereTheGatewayDoes(t *testing.T) {
	g := newGateway(t)
	seen := make(map[string]bool)
	for name, described := range documented(t) {
		method, path, _ := strings.Cut(name, " ")
		path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
		open := described.Security != nil && len(*described.Security) == 0
		answer := g.send(request{method: method, path: path})
		assert.Equal(t, !open, answer.Code == http.StatusUnauthorized, name)
		assert.Equal(t, !open, described.Responses["401"] != nil, name)
		assert.Equal(t, !open, described.Responses["429"] != nil, name)
		assert.False(t, seen[described.OperationID], "operationId %s stands twice", described.OperationID)
		seen[described.OperationID] = true
	}
}

// People read the scopes in the text, the gateway in the security requirement.
func TestTheTextNamesTheScopesThatAreDemanded(t *testing.T) {
	named := regexp.MustCompile("`(orders:read|orders:write|admin|ops)`")
	for name, described := range documented(t) {
		if described.Security == nil {
			continue
		}
		for _, requirement := range *described.Security {
			for _, scope := range requirement["token"] {
				assert.Contains(t, named.FindAllString(described.Description, -1), "`"+scope+"`", name)
			}
		}
	}
}

func TestAnUnknownParameterIsRefusedEverywhere(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	everything := g.token("root", "orders:read orders:write admin ops")
	for route, row := range rights {
		method, _, _ := strings.Cut(route, " ")
		path := strings.Replace(row.path, "ORDER", id, 1)
		sent := request{method: method, path: path + "?nonsense=1", token: everything, body: row.body}
		if path == api.BatchPath {
			sent.header = jsonl
		}
		if strings.Contains(path, "?") {
			sent.path = path + "&nonsense=1"
		}
		g.send(sent).problem(problem.Malformed)
	}
	g.send(request{method: http.MethodGet, path: "/v1/products?nonsense=1"}).problem(problem.Unauthenticated)
}

// A reference that leads nowhere would break every generator.
func TestEveryReferenceOfTheDescriptionLeadsSomewhere(t *testing.T) {
	var document map[string]any
	require.NoError(t, yaml.Unmarshal(openapi.YAML, &document))
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, child := range node {
				walk(child)
			}
		case map[string]any:
			if target, ok := node["$ref"].(string); ok {
				var found any = document
				for _, part := range strings.Split(strings.TrimPrefix(target, "#/"), "/") {
					section, _ := found.(map[string]any)
					found = section[part]
				}
				assert.NotNil(t, found, target)
			}
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(document)
}

func TestTheDescriptionIsServedToEverybody(t *testing.T) {
	answer := newGateway(t).send(request{method: http.MethodGet, path: "/openapi.yaml"})
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, "application/yaml", answer.Header().Get("Content-Type"))
	assert.Equal(t, string(openapi.YAML), answer.Body.String())
}

// Nothing has an ID without characters, or one that is escaped twice and badly.
func TestASegmentThatIsNoIDIsNotFound(t *testing.T) {
	g := newGateway(t)
	everything := g.token("root", "orders:read orders:write admin ops")
	for _, route := range g.engine.Routes() {
		for _, segment := range parameter.FindAllString(route.Path, -1) {
			for _, sent := range []string{"", "%25zz"} {
				path := parameter.ReplaceAllString(strings.Replace(route.Path, segment, sent, 1), "x")
				if route.Method != http.MethodHead {
					g.send(request{method: route.Method, path: path, token: everything}).problem(problem.NotFound)
				}
			}
		}
	}
}

func TestUnknownPathsAndWrongMethods(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/orders/", "/v2/orders", "/v1/ops/breakages", "/V1/orders", "/v1//orders", "/v1/products/../orders", "/v1/orders/x/y"} {
		g.send(request{method: http.MethodGet, path: path, token: g.ada()}).problem(problem.NotFound)
	}
	for _, route := range []string{
		"GET /v1/orders", "DELETE /v1/orders/x", "TRACE /v1/orders", "PATCH /v1/products/p", "POST /v1/products/p", "PUT /v1/orders",
		"HEAD /v1/orders", "HEAD /v1/orders/x/stream", "OPTIONS /v1/orders", "POST /openapi.yaml", "POST /healthz", "CONNECT /v1/orders",
	} {
		method, path, _ := strings.Cut(route, " ")
		answer := g.send(request{method: method, path: path, token: g.ada()})
		answer.problem(problem.MethodNotAllowed)
		assert.NotEmpty(t, answer.Header().Get("Allow"), route)
	}
	allowed := g.send(request{method: http.MethodDelete, path: "/v1/products/p", token: g.ada()}).Header().Get("Allow")
	methods := strings.Split(strings.ReplaceAll(allowed, " ", ""), ",")
	slices.Sort(methods)
	assert.Equal(t, fmt.Sprint([]string{"GET", "HEAD", "PUT"}), fmt.Sprint(methods))
}
