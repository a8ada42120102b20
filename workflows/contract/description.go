package contract

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxListed and maxName keep the details well below the 20 kB that
	// Temporal stores.
	maxListed = 25
	maxName   = 60
)

// Summary is the one line that the Temporal UI shows of the run in lists. Like
// Details it tells what was ordered, and never who ordered it or where it goes:
// whoever starts a run of an order gives it both.
func (in PlaceOrderInput) Summary() string {
	summary := lineCount(len(in.Items)) + ", " + in.Total.String()
	if len(in.Items) == 0 {
		summary = "an order without a record"
	}
	if in.Recovery != nil {
		summary = "recovery: " + summary
	}
	return summary
}

// Details is the Markdown on the run's page in the Temporal UI.
func (in PlaceOrderInput) Details() string {
	var text strings.Builder
	if in.Recovery != nil {
		fmt.Fprintf(&text, "**Recovery**: %s.\n\n"+
			"No step is taken again. If the carrier has accepted the order, it is finished; if not, everything is undone.\n\n",
			in.Recovery.Reason)
	}
	if len(in.Items) == 0 {
		return text.String()
	}
	text.WriteString("| Product | Quantity | Price |\n|---|---:|---:|\n")
	for i, item := range in.Items {
		if i == maxListed {
			fmt.Fprintf(&text, "| *and %d more* | | |\n", len(in.Items)-maxListed)
			break
		}
		fmt.Fprintf(&text, "| %s (%s) | %d | %s |\n",
			markdown(clip(item.ProductName, maxName)), item.ProductID, item.Quantity, item.UnitPrice)
	}
	fmt.Fprintf(&text, "\n**Total: %s**\n", in.Total)
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
