package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/resilience"
)

// breakerWatch looks at all breakers all the time.
type breakerWatch struct {
	shop    *shop
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	looks []breakerLook
	blind int // looks without the workers' breakers
}

type breakerLook struct {
	at       time.Time
	breakers []shownBreaker
}

// breakerPause is between two looks.
const breakerPause = 100 * time.Millisecond

func (s *shop) watchBreakers() *breakerWatch {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	w := &breakerWatch{shop: s, cancel: cancel}
	s.t.Cleanup(w.stop)
	w.running.Go(func() {
		ticker := time.NewTicker(breakerPause)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.look(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return w
}

func (w *breakerWatch) stop() {
	w.cancel()
	w.running.Wait()
}

func (w *breakerWatch) look(ctx context.Context) {
	found, err := w.shop.call(ctx, http.MethodGet, "/v1/ops/breakers", nil)
	at := time.Now()
	var list struct{ Items []shownBreaker }
	if err != nil || found.status != http.StatusOK || json.Unmarshal(found.body, &list) != nil {
		list.Items = nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks = append(w.looks, breakerLook{at, list.Items})
	if !(breakerLook{at, list.Items}).complete() {
		w.blind++
	}
}

// complete reports whether the workers' breakers are among those seen.
func (l breakerLook) complete() bool {
	for _, b := range l.breakers {
		if b.Process == "workers" {
			return true
		}
	}
	return false
}

// allClosedSince reports whether the last look was after the time and saw
// nothing but closed breakers.
func (w *breakerWatch) allClosedSince(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.looks) == 0 {
		return false
	}
	last := w.looks[len(w.looks)-1]
	if last.at.Before(t) || !last.complete() {
		return false
	}
	for _, b := range last.breakers {
		if b.State != resilience.Closed {
			return false
		}
	}
	return true
}

// openings are the times at which a process's breaker opened. An open breaker
// says how much of its time is left, so a look at any moment tells exactly.
func (w *breakerWatch) openings(process, target string, openFor time.Duration) (opened []time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, look := range w.looks {
		for _, b := range look.breakers {
			if b.Process != process || b.Target != target || b.State != resilience.Open {
				continue
			}
			at := look.at.Add(time.Duration(b.RemainingOpenSeconds*float64(time.Second)) - openFor)
			if len(opened) == 0 || at.Sub(opened[len(opened)-1]) > openFor/2 {
				opened = append(opened, at)
			}
		}
	}
	return opened
}

// closedAt is when a process's breaker was seen closed for good.
func (w *breakerWatch) closedAt(process, target string) (closed time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, look := range w.looks {
		for _, b := range look.breakers {
			switch {
			case b.Process != process || b.Target != target:
			case b.State != resilience.Closed:
				closed = time.Time{}
			case closed.IsZero():
				closed = look.at
			}
		}
	}
	return closed
}

// opened lists the breakers that were seen open, as process/target.
func (w *breakerWatch) opened() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[string]bool{}
	for _, look := range w.looks {
		for _, b := range look.breakers {
			if b.State == resilience.Open {
				seen[b.Process+"/"+b.Target] = true
			}
		}
	}
	return seen
}

const (
	// breakerOpens is how long five calls may take to fail: at the pace of the
	// traffic, each within the time of the fast way.
	breakerOpens = 8 * time.Second
	// breakerTries is how long it may take until a call comes to a breaker that
	// is half-open and is answered, or has failed: the time of the durable way.
	breakerTries = 7 * time.Second
	// breakerLag is what a look may be late.
	breakerLag = 500 * time.Millisecond
)

// judge checks that the breakers of what was sick, and no others, opened and
// closed when they should.
func (w *breakerWatch) judge(o sickness, c course, sick span, f *figures) {
	t := w.shop.t
	t.Helper()
	seen := w.opened()
	if o.harmless {
		f.add("breakers", "none opened in %d looks (%d without the workers)", len(w.looks), w.blind)
		assert.Empty(t, seen)
		return
	}
	for breaker := range seen {
		assert.True(t, strings.HasSuffix(breaker, "/"+o.target), "the breaker of %s opened", breaker)
	}
	for _, process := range []string{"workers", "gateway"} {
		opened := w.openings(process, o.target, c.openFor)
		if len(opened) == 0 {
			assert.NotEqual(t, "workers", process, "the workers' breaker opens")
			continue
		}
		closed := w.closedAt(process, o.target)
		f.add("breaker of the "+process, "opened after %v, %d times; closed %v after the recovery",
			round(opened[0].Sub(sick.from)), len(opened), round(closed.Sub(sick.to)))
		var pauses []string
		for i := 1; i < len(opened); i++ {
			pause := opened[i].Sub(opened[i-1])
			pauses = append(pauses, round(pause).String())
			assert.Greater(t, pause, c.openFor-breakerLag, "an open breaker tries nothing")
			assert.Less(t, pause, c.openFor+breakerTries, "a half-open breaker tries")
		}
		if len(pauses) > 0 {
			f.add("… from opening to opening", "%s", strings.Join(pauses, ", "))
		}
		if process != "workers" {
			continue // the pace of its calls is another one
		}
		assert.Less(t, opened[0].Sub(sick.from), breakerOpens)
		wait := c.openFor
		if o.killed {
			wait = 0
		}
		assert.Less(t, closed.Sub(sick.to), wait+breakerTries)
	}
}
