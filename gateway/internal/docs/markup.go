package docs

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

// The parts of CommonMark that the description uses.
var (
	code   = regexp.MustCompile("`([^`]+)`")
	strong = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// markup turns a description into paragraphs. The text is ours, and escaped all
// the same.
func markup(description string) template.HTML {
	var page strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(description), "\n\n") {
		if paragraph == "" {
			continue
		}
		page.WriteString("<p>" + string(inline(paragraph)) + "</p>\n")
	}
	return template.HTML(page.String()) //nolint:gosec // escaped by inline
}

// inline is markup of one line.
func inline(line string) template.HTML {
	escaped := html.EscapeString(line)
	escaped = code.ReplaceAllString(escaped, "<code>$1</code>")
	escaped = strong.ReplaceAllString(escaped, "<strong>$1</strong>")
	return template.HTML(escaped) //nolint:gosec // escaped above
}
