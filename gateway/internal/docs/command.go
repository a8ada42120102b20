package docs

import (
	"fmt"
	"net/http"
	"strings"
)

// command is the operation as one types it into a shell; $TOKEN stands for a
// token. Text in single quotes is what no shell changes.
func command(o operation, server string) string {
	path := o.Path
	for _, p := range o.Parameters {
		if p.In == "path" && p.Example != "" {
			path = strings.Replace(path, "{"+p.Name+"}", p.Example, 1)
		}
	}
	how := "-X " + o.Method + " "
	if o.Method == http.MethodGet {
		how = ""
	}
	lines := []string{"curl " + how + single(server+path)}
	if !o.Open {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	if len(o.Body) > 0 {
		lines = append(lines, "-H "+single("Content-Type: "+o.Body[0].MediaType))
		if len(o.Body[0].Examples) > 0 {
			lines = append(lines, "--data-binary "+single(o.Body[0].Examples[0].Text))
		}
	}
	return strings.Join(lines, " \\\n  ")
}

func single(text string) string {
	return fmt.Sprintf("'%s'", strings.ReplaceAll(text, "'", `'\''`))
}
