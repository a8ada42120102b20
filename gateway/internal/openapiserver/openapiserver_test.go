package openapiserver_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/openapi/openapitest"
)

const generated = "openapiserver.gen.go"

func TestTheGeneratedCodeIsThatOfTheDescription(t *testing.T) {
	fresh := filepath.Join(t.TempDir(), generated)
	generate := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../../tools/openapi/go.mod",
		"oapi-codegen", "-config", "oapi-codegen.yaml", "-o", fresh, "../../openapi/openapi.yaml")
	output, err := generate.CombinedOutput()
	require.NoError(t, err, string(output))
	want, err := os.ReadFile(fresh)
	require.NoError(t, err)
	got, err := os.ReadFile(generated)
	require.NoError(t, err)
	if string(want) != string(got) {
		t.Fatal("openapi.yaml or its overlay has changed since this code was generated: run make generate")
	}
}

// What the overlay calls by a type that there is already must look like it.
func TestTypesThatAreNotGeneratedHaveTheShapeThatIsDescribed(t *testing.T) {
	types := map[string]reflect.Type{
		"AuditPage":       reflect.TypeFor[openapiserver.AuditPage](),
		"AuditTables":     reflect.TypeFor[openapiserver.AuditTables](),
		"Customer":        reflect.TypeFor[openapiserver.Customer](),
		"CustomerAddress": reflect.TypeFor[openapiserver.CustomerAddress](),
		"Event":           reflect.TypeFor[openapiserver.Event](),
		"Money":           reflect.TypeFor[openapiserver.Money](),
		"Order":           reflect.TypeFor[openapiserver.Order](),
		"OrderLinks":      reflect.TypeFor[openapiserver.OrderLinks](),
		"OrderStatus":     reflect.TypeFor[openapiserver.OrderStatus](),
		"OrderSummary":    reflect.TypeFor[openapiserver.OrderSummary](),
		"Payment":         reflect.TypeFor[openapiserver.Payment](),
		"Problem":         reflect.TypeFor[openapiserver.Problem](),
		"Product":         reflect.TypeFor[openapiserver.Product](),
		"Projection":      reflect.TypeFor[openapiserver.Projection](),
		"RetryBudget":     reflect.TypeFor[openapiserver.RetryBudget](),
		"Saga":            reflect.TypeFor[openapiserver.Saga](),
		"Shipment":        reflect.TypeFor[openapiserver.Shipment](),
		"Stock":           reflect.TypeFor[openapiserver.Stock](),
	}
	description := openapitest.Load(t)
	for schema, goType := range types {
		assert.NoError(t, description.CheckType(schema, goType))
	}
	for _, schema := range taken(t) {
		assert.Contains(t, types, schema, "a type that is not generated needs a row")
	}
}

// taken are the schemas for which the overlay names a type.
func taken(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("overlay.yaml")
	require.NoError(t, err)
	var overlay struct {
		Actions []struct {
			Target string
			Update struct {
				Type string `yaml:"x-go-type"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &overlay))
	var schemas []string
	for _, action := range overlay.Actions {
		name, isComponent := strings.CutPrefix(action.Target, "$.components.schemas.")
		if isComponent && action.Update.Type != "" && !strings.Contains(name, ".") {
			schemas = append(schemas, name)
		}
	}
	require.NotEmpty(t, schemas)
	return schemas
}

// A member that is absent where it is optional must be absent in the JSON.
func TestWhatIsAbsentIsLeftOut(t *testing.T) {
	for value, want := range map[any]string{
		openapiserver.Dependency{Service: "payment"}: `{"service":"payment"}`,
		openapiserver.PageLinks{Self: "/"}:           `{"self":"/"}`,
	} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(text))
	}
	item, err := json.Marshal(openapiserver.AttentionItem{WaitingFor: []openapiserver.Obstacle{}})
	require.NoError(t, err)
	for _, optional := range []string{"saga", "stoppedAt", "unavailable"} {
		assert.NotContains(t, string(item), optional)
	}
}
