package api

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/gateway/openapi/openapitest"
)

// Bodies of requests are written by hand, because what is absent in them must
// not look like zero.
func TestBodiesHaveTheMembersThatAreDescribed(t *testing.T) {
	bodies := map[string]reflect.Type{
		"Placement":         reflect.TypeFor[placementBody](),
		"BatchLine":         reflect.TypeFor[batchLine](),
		"Fix":               reflect.TypeFor[fixBody](),
		"Reason":            reflect.TypeFor[reasonBody](),
		"DependencyRelease": reflect.TypeFor[releaseBody](),
		"ProductRecord":     reflect.TypeFor[productBody](),
		"CustomerRecord":    reflect.TypeFor[customerBody](),
		"StockCount":        reflect.TypeFor[stockBody](),
	}
	description := openapitest.Load(t)
	for schema, body := range bodies {
		assert.NoError(t, description.CheckType(schema, body))
	}
	const ofTheCodec = "Payloads"
	assert.ElementsMatch(t, description.RequestSchemas(), append(slices.Collect(maps.Keys(bodies)), ofTheCodec))
}
