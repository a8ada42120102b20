package openapitest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// CheckType returns an error unless the Go type has, in JSON, the shape of a
// schema of the description's components: the same members, each of the same
// kind, and none that is required but left out when it is empty. What a type
// writes by a method of its own is not looked into.
func (d *Description) CheckType(schema string, goType reflect.Type) error {
	reference := d.document.Components.Schemas[schema]
	if reference == nil {
		return fmt.Errorf("there is no schema %s", schema)
	}
	if err := checkShape(reference.Value, goType); err != nil {
		return fmt.Errorf("%s is not as the schema %s: %w", goType, schema, err)
	}
	return nil
}

// RequestSchemas are the names of the schemas that bodies of requests have, in
// their order.
func (d *Description) RequestSchemas() []string {
	names := make(map[string]bool)
	for _, item := range d.document.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for _, media := range operation.RequestBody.Value.Content {
				names[media.Schema.Ref[strings.LastIndex(media.Schema.Ref, "/")+1:]] = true
			}
		}
	}
	delete(names, "") // a schema without a name
	return slices.Sorted(maps.Keys(names))
}

var (
	marshaler = reflect.TypeFor[json.Marshaler]()
	timeType  = reflect.TypeFor[time.Time]()
)

func checkShape(schema *openapi3.Schema, goType reflect.Type) error {
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	for _, choice := range schema.OneOf {
		if !choice.Value.Type.Is(openapi3.TypeNull) {
			schema = choice.Value // or null, which a pointer is
		}
	}
	switch {
	case goType == timeType:
		return demand(schema.Format == "date-time", "a time")
	case goType.Implements(marshaler):
		return nil
	}
	switch goType.Kind() {
	case reflect.Struct:
		return checkMembers(schema, goType)
	case reflect.Slice:
		if schema.Items == nil {
			return errors.New("a list is described as something else")
		}
		return checkShape(schema.Items.Value, goType.Elem())
	case reflect.Map:
		return demand(schema.Type.Includes(openapi3.TypeObject), "an object")
	case reflect.String:
		return demand(schema.Type.Includes(openapi3.TypeString), "a string")
	case reflect.Bool:
		return demand(schema.Type.Includes(openapi3.TypeBoolean), "true or false")
	case reflect.Float64:
		return demand(schema.Type.Includes(openapi3.TypeNumber), "a number")
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return demand(schema.Type.Includes(openapi3.TypeInteger), "an integer")
	default:
		return fmt.Errorf("what %s is in JSON is not known here", goType)
	}
}

func demand(described bool, what string) error {
	if !described {
		return fmt.Errorf("%s is described as something else", what)
	}
	return nil
}

func checkMembers(schema *openapi3.Schema, goType reflect.Type) error {
	seen := make(map[string]bool)
	for _, field := range reflect.VisibleFields(goType) {
		tag, tagged := field.Tag.Lookup("json")
		if !tagged || !field.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		property := schema.Properties[name]
		if property == nil {
			return fmt.Errorf("the member %s is not described", name)
		}
		if options != "" && slices.Contains(schema.Required, name) {
			return fmt.Errorf("the member %s is required, and may be left out", name)
		}
		if err := checkShape(property.Value, field.Type); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		seen[name] = true
	}
	for name := range schema.Properties {
		if !seen[name] {
			return fmt.Errorf("the member %s is described, and not there", name)
		}
	}
	return nil
}
