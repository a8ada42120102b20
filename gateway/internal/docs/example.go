package docs

import (
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wide is how many characters an object of an example may have on one line.
const wide = 60

// jsonOf writes an example as JSON, with its members in the order in which they
// were written. Text stays as it is: it is an example of something else.
func jsonOf(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!str" {
		return strings.TrimSpace(node.Value)
	}
	return jsonValue(node, "")
}

func jsonValue(node *yaml.Node, indent string) string {
	switch node.Kind {
	case yaml.MappingNode:
		var parts []string
		for _, m := range members(node) {
			parts = append(parts, quoted(m.name)+": "+jsonValue(m.value, indent+"  "))
		}
		return bracket("{", parts, "}", indent)
	case yaml.SequenceNode:
		var parts []string
		for _, element := range node.Content {
			parts = append(parts, jsonValue(element, indent+"  "))
		}
		return bracket("[", parts, "]", indent)
	default:
		if node.Tag == "!!str" {
			return quoted(node.Value)
		}
		return node.Value
	}
}

// bracket puts short values on one line, and each part of longer ones on its
// own.
func bracket(left string, parts []string, right, indent string) string {
	line := left + strings.Join(parts, ", ") + right
	if len(line) <= wide && !strings.Contains(line, "\n") {
		return line
	}
	return left + "\n" + indent + "  " + strings.Join(parts, ",\n"+indent+"  ") + "\n" + indent + right
}

// quoted is a JSON string.
func quoted(text string) string {
	// A string of valid UTF-8, as YAML has, can always be encoded.
	encoded, _ := json.Marshal(text)
	return string(encoded)
}
