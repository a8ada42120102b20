package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"orderflow/starter/internal/importer"
)

// linesEvery is how often a plain line is written.
const linesEvery = 3 * time.Second

// lines writes a line every few seconds, for logs and pipes.
type lines struct {
	w     io.Writer
	total int
	began time.Time
	stop  chan struct{}
	done  sync.WaitGroup

	mu     sync.Mutex
	last   importer.Counts
	closed bool
}

func newLines(w io.Writer, total int, every time.Duration) *lines {
	l := &lines{w: w, total: total, began: time.Now(), stop: make(chan struct{})}
	l.done.Go(func() { l.writeEvery(every) })
	return l
}

func (l *lines) writeEvery(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.writeStatus()
		case <-l.stop:
			return
		}
	}
}

func (l *lines) writeStatus() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(l.w, statusLine(l.last, l.total, time.Since(l.began)))
}

func (l *lines) Advance(counts importer.Counts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Goroutines may come here in another order than they counted in.
	if counts.Lines > l.last.Lines {
		l.last = counts
	}
}

func (l *lines) Note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		fmt.Fprintln(l.w, text)
	}
}

func (l *lines) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	l.done.Wait()
}

// statusLine is "import: 312 of 998 lines, 41/s, 17s left; 140 shipped, …".
// The time left is a guess from the rate so far.
func statusLine(counts importer.Counts, total int, elapsed time.Duration) string {
	text := fmt.Sprintf("import: %d", counts.Lines)
	if total != importer.UnknownTotal {
		text += fmt.Sprintf(" of %d", total)
	}
	rate := float64(counts.Lines) / elapsed.Seconds()
	text += fmt.Sprintf(" lines, %.0f/s", rate)
	if total != importer.UnknownTotal && rate > 0 {
		left := time.Duration(float64(total-counts.Lines) / rate * float64(time.Second))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text + "; " + outcomes(counts)
}
