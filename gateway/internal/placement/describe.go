package placement

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"orderflow/workflows/contract"
)

const (
	// maxListed and maxName keep the details well below the 20 kB that
	// Temporal stores.
	maxListed = 25
	maxName   = 60
)

// summary is the one line that the Temporal UI shows in lists. Like details,
// it tells what was ordered and never who ordered it or where it goes.
func summary(input contract.PlaceOrderInput) string {
	return fmt.Sprintf("%s, %s", lineCount(len(input.Items)), input.Total)
}

// details is the Markdown on the workflow's page in the Temporal UI.
func details(input contract.PlaceOrderInput) string {
	var text strings.Builder
	text.WriteString("| Product | Quantity | Price |\n|---|---:|---:|\n")
	for i, item := range input.Items {
		if i == maxListed {
			fmt.Fprintf(&text, "| *and %d more* | | |\n", len(input.Items)-maxListed)
			break
		}
		fmt.Fprintf(&text, "| %s (%s) | %d | %s |\n",
			markdown(clip(item.ProductName, maxName)), item.ProductID, item.Quantity, item.UnitPrice)
	}
	fmt.Fprintf(&text, "\n**Total: %s**\n", input.Total)
	return text.String()
}

func lineCount(n int) string {
	if n == 1 {
		return "1 product"
	}
	return fmt.Sprintf("%d products", n)
}

func clip(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// markdown makes text inert: a product's name is a stranger's text.
func markdown(text string) string { return escapeMarkdown.Replace(text) }

var escapeMarkdown = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", `\#`, "!", `\!`, "~", `\~`,
)
