package toolchain

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// plainEvery is how often the progress of a build is printed where lines
// cannot be rewritten.
const plainEvery = 10 * time.Second

// Printer shows the progress of builds to a person: as a bar on a terminal, as
// a line now and then elsewhere. Its Show is a Report.
type Printer struct {
	out      io.Writer
	terminal bool

	bar   *progressbar.ProgressBar
	phase Phase
	next  time.Duration // plain lines: when the next one is due
}

// NewPrinter returns a Printer; terminal says whether out can rewrite a line.
func NewPrinter(out io.Writer, terminal bool) *Printer {
	return &Printer{out: out, terminal: terminal}
}

// Show prints the progress.
func (p *Printer) Show(progress Progress) {
	begins := progress.Phase != p.phase
	p.phase = progress.Phase
	switch progress.Phase {
	case Waiting:
		p.line("%s: another process is building it, waiting", progress.Task)
	case Finished:
		p.clear()
		p.phase = ""
		p.line("built %s in %s", progress.Task, seconds(progress.Elapsed))
	case Downloading, Compiling, Linking:
		if p.terminal {
			p.drawBar(progress, begins)
		} else if begins || progress.Elapsed >= p.next {
			p.plain(progress)
		}
	}
}

// Interrupted ends a line that was being rewritten, before an error is printed.
func (p *Printer) Interrupted() { p.clear() }

func (p *Printer) plain(progress Progress) {
	p.next = progress.Elapsed + plainEvery
	if progress.Total == 0 {
		p.line("building %s: %s", progress.Task, progress.Phase)
		return
	}
	p.line("building %s: %s %d/%d", progress.Task, progress.Phase, progress.Done, progress.Total)
}

func (p *Printer) drawBar(progress Progress, begins bool) {
	if begins {
		p.clear()
		p.bar = progressbar.NewOptions(max(progress.Total, 1),
			progressbar.OptionSetWriter(p.out),
			progressbar.OptionSetDescription(fmt.Sprintf("building %s: %s", progress.Task, progress.Phase)),
			progressbar.OptionSetWidth(24),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(progress.Total > 0),
			progressbar.OptionSetRenderBlankState(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	// The bar writes to a terminal only; there is nobody else to tell.
	_ = p.bar.Set(progress.Done)
}

func (p *Printer) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

func (p *Printer) line(format string, args ...any) {
	_, _ = fmt.Fprintf(p.out, format+"\n", args...)
}
