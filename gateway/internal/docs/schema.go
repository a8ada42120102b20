package docs

import (
	"html/template"
	"strings"

	"go.yaml.in/yaml/v3"
)

// schema is what the page says about a value.
type schema struct {
	// Type is a phrase such as "array of", with links to named schemas.
	Type []word
	// Limits are phrases such as "at least 1".
	Limits []string
	Text   template.HTML
	// Members are those of an object, or of the objects of an array.
	Members []property
}

// word is a part of a phrase; a Link leads to a schema on the page.
type word struct{ Text, Link string }

type property struct {
	Name     string
	Required bool
	schema
}

// schema describes a value. What has a name is linked and not described again.
func (d description) schema(node *yaml.Node) (schema, error) {
	if _, name, err := d.resolve(node); err != nil || name != "" {
		return schema{
			Type: []word{{Text: name, Link: schemaAnchor(name)}},
			Text: markup(text(node, "description")),
		}, err
	}
	described := schema{Text: markup(text(node, "description")), Limits: limits(node)}
	if alternatives := elements(at(node, "oneOf")); alternatives != nil {
		for i, alternative := range alternatives {
			if i > 0 {
				described.Type = append(described.Type, word{Text: "or"})
			}
			one, err := d.schema(alternative)
			if err != nil {
				return schema{}, err
			}
			described.Type = append(described.Type, one.Type...)
		}
		return described, nil
	}
	kind := types(node)
	if text(node, "type") == "array" {
		of, err := d.schema(at(node, "items"))
		if err != nil {
			return schema{}, err
		}
		described.Type = append([]word{{Text: "array of"}}, of.Type...)
		described.Members = of.Members
		described.Limits = append(described.Limits, of.Limits...)
		return described, nil
	}
	described.Type = []word{{Text: kind}}
	return described, d.addMembers(&described, node)
}

func (d description) addMembers(described *schema, node *yaml.Node) error {
	required := make(map[string]bool)
	for _, name := range elements(at(node, "required")) {
		required[name.Value] = true
	}
	for _, m := range members(at(node, "properties")) {
		value, err := d.schema(m.value)
		if err != nil {
			return err
		}
		described.Members = append(described.Members, property{Name: m.name, Required: required[m.name], schema: value})
	}
	if values := at(node, "additionalProperties"); values != nil && values.Kind == yaml.MappingNode {
		value, err := d.schema(values)
		if err != nil {
			return err
		}
		described.Members = append(described.Members, property{Name: "any name", schema: value})
	}
	return nil
}

// types is the type as a phrase: "integer", "string or null".
func types(node *yaml.Node) string {
	var names []string
	for _, name := range elements(at(node, "type")) {
		names = append(names, name.Value)
	}
	if names == nil {
		names = []string{text(node, "type")}
	}
	kind := strings.Join(names, " or ")
	if format := text(node, "format"); format != "" {
		kind += " (" + format + ")"
	}
	if kind == "" {
		return "any value"
	}
	return kind
}

// limits are what a value must keep to, in words.
func limits(node *yaml.Node) []string {
	var phrases []string
	if values := elements(at(node, "enum")); values != nil {
		var names []string
		for _, value := range values {
			names = append(names, value.Value)
		}
		phrases = append(phrases, "one of "+strings.Join(names, ", "))
	}
	for _, limit := range []struct{ least, most, of string }{
		{"minimum", "maximum", ""},
		{"minLength", "maxLength", " characters"},
		{"minItems", "maxItems", " elements"},
	} {
		least, most := text(node, limit.least), text(node, limit.most)
		switch {
		case least != "" && most != "":
			phrases = append(phrases, least+" to "+most+limit.of)
		case least != "":
			phrases = append(phrases, "from "+least+limit.of)
		case most != "":
			phrases = append(phrases, "at most "+most+limit.of)
		}
	}
	if pattern := text(node, "pattern"); pattern != "" {
		phrases = append(phrases, "matches "+pattern)
	}
	if usual := text(node, "default"); usual != "" {
		phrases = append(phrases, "default "+usual)
	}
	if text(node, "additionalProperties") == "false" {
		phrases = append(phrases, "no other members")
	}
	return phrases
}

func schemaAnchor(name string) string { return "schema-" + name }
