package docs

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"orderflow/internal/problem"
)

//go:embed page.html
var layout string

// page is everything that the layout shows.
type page struct {
	Title, Version, StylePath string
	Text                      template.HTML
	Token                     template.HTML
	Groups                    []group
	Problems                  []problemType
	Schemas                   []namedSchema
}

// group has the operations of one tag.
type group struct {
	Name       string
	Operations []operation
}

type operation struct {
	ID, Method, Path, Summary string
	Text                      template.HTML
	Open                      bool // needs no token
	Parameters                []parameter
	Body                      []content
	Responses                 []response
	// Command is the operation in a shell.
	Command string
}

type parameter struct {
	Name, In string
	Required bool
	Example  string
	schema
}

type response struct {
	Status  string
	Summary template.HTML
	Headers []parameter
	Content []content
}

// content is a body in one media type.
type content struct {
	MediaType string
	Schema    schema
	Examples  []example
}

type example struct{ Name, Text string }

type namedSchema struct {
	Name, Anchor string
	Example      string
	schema
}

type problemType struct {
	Type, Title string
	Status      int
}

// render makes the page.
func render(source []byte) ([]byte, error) {
	described, err := parse(source)
	if err != nil {
		return nil, err
	}
	p, err := described.page()
	if err != nil {
		return nil, fmt.Errorf("describing the API: %w", err)
	}
	parsed, err := template.New("page").Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("reading the layout of the API's page: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("making the API's page: %w", err)
	}
	return out.Bytes(), nil
}

func (d description) page() (page, error) {
	p := page{
		Title:     text(d.root, "info", "title"),
		Version:   text(d.root, "info", "version"),
		StylePath: stylePath,
		Text:      markup(text(d.root, "info", "description")),
		Token:     markup(text(d.root, "components", "securitySchemes", "token", "description")),
		Problems:  problemTypes(),
	}
	for _, tag := range elements(at(d.root, "tags")) {
		p.Groups = append(p.Groups, group{Name: text(tag, "name")})
	}
	for _, path := range members(at(d.root, "paths")) {
		for _, method := range members(path.value) {
			if method.name == "parameters" {
				continue
			}
			described, err := d.operation(path, method)
			if err != nil {
				return page{}, fmt.Errorf("%s %s: %w", method.name, path.name, err)
			}
			tag := text(first(at(method.value, "tags")))
			i := slices.IndexFunc(p.Groups, func(g group) bool { return g.Name == tag })
			if i < 0 {
				return page{}, fmt.Errorf("%s %s: the tag %q is not in the list of tags", method.name, path.name, tag)
			}
			p.Groups[i].Operations = append(p.Groups[i].Operations, described)
		}
	}
	for _, named := range members(at(d.root, "components", "schemas")) {
		described, err := d.schema(named.value)
		if err != nil {
			return page{}, fmt.Errorf("schema %s: %w", named.name, err)
		}
		one := namedSchema{Name: named.name, Anchor: schemaAnchor(named.name), schema: described}
		if shown := at(named.value, "example"); shown != nil {
			one.Example = jsonOf(shown)
		}
		p.Schemas = append(p.Schemas, one)
	}
	return p, nil
}

func (d description) operation(path, method member) (operation, error) {
	o := operation{
		ID:      text(method.value, "operationId"),
		Method:  strings.ToUpper(method.name),
		Path:    path.name,
		Summary: text(method.value, "summary"),
		Text:    markup(text(method.value, "description")),
	}
	security := at(method.value, "security")
	o.Open = security != nil && len(security.Content) == 0
	for _, node := range append(elements(at(path.value, "parameters")), elements(at(method.value, "parameters"))...) {
		described, err := d.parameter("", node)
		if err != nil {
			return o, err
		}
		o.Parameters = append(o.Parameters, described)
	}
	body, _, err := d.resolve(at(method.value, "requestBody"))
	if err != nil {
		return o, err
	}
	if o.Body, err = d.contents(at(body, "content")); err != nil {
		return o, err
	}
	for _, status := range members(at(method.value, "responses")) {
		described, err := d.response(status)
		if err != nil {
			return o, err
		}
		o.Responses = append(o.Responses, described)
	}
	o.Command = command(o, text(first(at(d.root, "servers")), "url"))
	return o, nil
}

func (d description) parameter(name string, node *yaml.Node) (parameter, error) {
	node, _, err := d.resolve(node)
	if err != nil {
		return parameter{}, err
	}
	described, err := d.schema(at(node, "schema"))
	if err != nil {
		return parameter{}, err
	}
	if about := markup(text(node, "description")); about != "" {
		described.Text = about
	}
	return parameter{
		Name: cmp.Or(name, text(node, "name")), In: text(node, "in"), Required: text(node, "required") == "true",
		Example: text(node, "example"), schema: described,
	}, nil
}

func (d description) response(status member) (response, error) {
	node, _, err := d.resolve(status.value)
	if err != nil {
		return response{}, err
	}
	described := response{Status: status.name, Summary: inline(text(node, "description"))}
	for _, header := range members(at(node, "headers")) {
		one, err := d.parameter(header.name, header.value)
		if err != nil {
			return described, err
		}
		described.Headers = append(described.Headers, one)
	}
	described.Content, err = d.contents(at(node, "content"))
	return described, err
}

func (d description) contents(node *yaml.Node) ([]content, error) {
	var all []content
	for _, media := range members(node) {
		described, err := d.schema(at(media.value, "schema"))
		if err != nil {
			return nil, err
		}
		one := content{MediaType: media.name, Schema: described}
		if shown := at(media.value, "example"); shown != nil {
			one.Examples = append(one.Examples, example{Text: jsonOf(shown)})
		}
		for _, shown := range members(at(media.value, "examples")) {
			one.Examples = append(one.Examples, example{Name: shown.name, Text: jsonOf(at(shown.value, "value"))})
		}
		all = append(all, one)
	}
	return all, nil
}

// problemTypes are those of the one table of them, by their status.
func problemTypes() []problemType {
	var all []problemType
	for _, code := range problem.Codes() {
		all = append(all, problemType{Type: code.Type(), Title: code.Title(), Status: code.Status()})
	}
	slices.SortStableFunc(all, func(a, b problemType) int { return cmp.Compare(a.Status, b.Status) })
	return all
}
