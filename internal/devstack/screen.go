package devstack

import (
	"fmt"
	"io"
	"sync"
	"time"

	"orderflow/internal/supervisor"
)

// screen is what a person sees: one line per event, and whatever others write
// to it. Each Write is kept whole.
type screen struct {
	mu    sync.Mutex
	out   io.Writer
	color bool
}

func newScreen(out io.Writer, color bool) *screen {
	return &screen{out: out, color: color}
}

// Write never fails: a terminal that has gone is no reason to stop a system.
func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.out.Write(text)
	return len(text), nil
}

func (s *screen) line(format string, args ...any) {
	fmt.Fprintf(s, format+"\n", args...)
}

// event prints what has happened to a process.
func (s *screen) event(e supervisor.Event) {
	switch e.Kind {
	case supervisor.EventReady:
		if e.Restarts == 0 {
			s.line("%s %s ready in %s", s.good(), e.Name, seconds(e.Elapsed))
		} else {
			s.line("%s %s ready again in %s (restart %d)", s.good(), e.Name, seconds(e.Elapsed), e.Restarts)
		}
	case supervisor.EventEnded:
		s.line("%s %s ended (%v), starting it again in %s", s.bad(), e.Name, e.Err, seconds(e.Delay))
	case supervisor.EventFailed:
		s.line("%s %s failed: %v", s.bad(), e.Name, e.Err)
	case supervisor.EventStopped:
		if e.Err != nil {
			s.line("%s %s %v", s.bad(), e.Name, e.Err)
		}
	case supervisor.EventStopping:
	}
}

func (s *screen) good() string { return s.mark("✓", 32) }
func (s *screen) bad() string  { return s.mark("✗", 31) }

func (s *screen) mark(text string, color int) string {
	if !s.color {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text)
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%.1f s", d.Seconds())
}
