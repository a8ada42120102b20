// Package progress shows how far an import is: as a bar on a terminal, as plain
// lines elsewhere.
package progress

import (
	"io"

	"orderflow/starter/internal/importer"
)

// Display is an importer.Progress that must be closed.
type Display interface {
	importer.Progress
	// Close ends the display. Nothing is shown after it.
	Close()
}

// New returns a bar for a terminal, and plain lines otherwise. Total is the
// number of lines, or importer.UnknownTotal.
func New(w io.Writer, terminal bool, total int) Display {
	if terminal {
		return newBar(w, total)
	}
	return newLines(w, total, linesEvery)
}
