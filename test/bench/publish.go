package bench

import (
	"fmt"
	"os"
	"strings"

	"orderflow/internal/atomicfile"
)

// The table stands between two marks; the rest of the page is people's.
const (
	tableBegins = "<!-- bench: begin -->\n"
	tableEnds   = "<!-- bench: end -->"
)

// Publish puts a table into a page, in the place of the one before.
func Publish(page, table string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page of benchmarks: %w", err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("the page of benchmarks %s lacks %q and %q", page, strings.TrimSpace(tableBegins), tableEnds)
	}
	return atomicfile.Replace(page, []byte(before+tableBegins+table+tableEnds+after), 0o644)
}
