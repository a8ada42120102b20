package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"orderflow/starter/internal/importer"
)

// bar redraws one line of a terminal.
type bar struct {
	w io.Writer

	mu     sync.Mutex
	bar    *progressbar.ProgressBar
	last   importer.Counts
	drawn  time.Time
	closed bool
}

// drawEvery bounds the work for the terminal. The library's own throttle would
// also leave out the last state, and the one after a note.
const drawEvery = 100 * time.Millisecond

func newBar(w io.Writer, total int) *bar {
	return &bar{
		w: w,
		bar: progressbar.NewOptions(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("lines"),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionSetPredictTime(total != importer.UnknownTotal),
			// The bar is redrawn when a line is done, and not by a goroutine of
			// its own, which nobody could wait for.
			progressbar.OptionSetSpinnerChangeInterval(0),
		),
	}
}

func (b *bar) Advance(counts importer.Counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Goroutines may come here in another order than they counted in.
	if b.closed || counts.Lines <= b.last.Lines {
		return
	}
	b.last = counts
	if time.Since(b.drawn) >= drawEvery {
		b.draw()
	}
}

func (b *bar) draw() {
	b.drawn = time.Now()
	b.bar.Describe(outcomes(b.last))
	// A terminal that is gone must not end the import.
	_ = b.bar.Set(b.last.Lines)
}

func (b *bar) Note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	_ = b.bar.Clear()
	fmt.Fprintln(b.w, text)
	b.drawn = time.Time{}
}

// Close leaves the last state of the bar on the screen.
func (b *bar) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.closed = true
	if b.last.Lines > 0 {
		b.draw()
		fmt.Fprintln(b.w)
	}
}

func outcomes(counts importer.Counts) string {
	return fmt.Sprintf("%d shipped, %d cancelled, %d failed", counts.Shipped, counts.Cancelled, counts.Failed)
}
