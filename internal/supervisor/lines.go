package supervisor

import (
	"bytes"
	"sync"
)

// maxLine is the longest line that is forwarded whole. A longer one is
// forwarded in pieces, so that a child cannot make this process hold an
// unbounded line.
const maxLine = 64 << 10

// lineWriter cuts what is written to it into lines, without their line ends.
type lineWriter struct {
	emit func(line []byte) // the line is valid only during the call

	mu      sync.Mutex
	partial []byte
}

// Write never fails: a child must not be stopped by its log.
func (w *lineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := text
	for {
		line, after, found := bytes.Cut(rest, []byte{'\n'})
		w.append(line)
		if !found {
			return len(text), nil
		}
		w.emitPartial()
		rest = after
	}
}

// flush emits a last line that has no line end.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.partial) > 0 {
		w.emitPartial()
	}
}

func (w *lineWriter) append(text []byte) {
	for len(w.partial)+len(text) > maxLine {
		room := maxLine - len(w.partial)
		w.partial = append(w.partial, text[:room]...)
		text = text[room:]
		w.emitPartial()
	}
	w.partial = append(w.partial, text...)
}

func (w *lineWriter) emitPartial() {
	w.emit(bytes.TrimSuffix(w.partial, []byte{'\r'}))
	w.partial = w.partial[:0]
}

// tailLines is how many lines a failure shows.
const tailLines = 12

// tail keeps the last lines of a process.
type tail struct {
	mu    sync.Mutex
	kept  []string
	start int // index of the oldest line once kept is full
}

func (t *tail) add(line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.kept) < tailLines {
		t.kept = append(t.kept, string(line))
		return
	}
	t.kept[t.start] = string(line)
	t.start = (t.start + 1) % tailLines
}

// lines returns the kept lines, oldest first.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(append([]string(nil), t.kept[t.start:]...), t.kept[:t.start]...)
}
