package docs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// description is an OpenAPI document. It stays YAML nodes throughout, because
// the page has everything in the order in which it was written.
type description struct{ root *yaml.Node }

func parse(content []byte) (description, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return description{}, fmt.Errorf("reading the description of the API: %w", err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return description{}, errors.New("reading the description of the API: it is no object")
	}
	return description{root: document.Content[0]}, nil
}

// member is a name with its value.
type member struct {
	name  string
	value *yaml.Node
}

// members are those of an object, in their order; none of anything else.
func members(node *yaml.Node) []member {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	var all []member
	for i := 0; i+1 < len(node.Content); i += 2 {
		all = append(all, member{node.Content[i].Value, node.Content[i+1]})
	}
	return all
}

// at is what a path of names leads to, nil when it leads nowhere.
func at(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		all := members(node)
		i := slices.IndexFunc(all, func(m member) bool { return m.name == name })
		if i < 0 {
			return nil
		}
		node = all[i].value
	}
	return node
}

// elements are those of an array.
func elements(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

// first is an array's first element, nil without one.
func first(node *yaml.Node) *yaml.Node {
	for _, element := range elements(node) {
		return element
	}
	return nil
}

// text is a scalar's value, "" of anything else.
func text(node *yaml.Node, path ...string) string {
	if found := at(node, path...); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}

// resolve follows a reference inside the document. The name is the last part of
// it, "" where there is none.
func (d description) resolve(node *yaml.Node) (resolved *yaml.Node, name string, err error) {
	target := text(node, "$ref")
	if target == "" {
		return node, "", nil
	}
	path := strings.Split(strings.TrimPrefix(target, "#/"), "/")
	resolved = at(d.root, path...)
	if resolved == nil {
		return nil, "", fmt.Errorf("the reference %s in line %d leads nowhere", target, node.Line)
	}
	return resolved, path[len(path)-1], nil
}
