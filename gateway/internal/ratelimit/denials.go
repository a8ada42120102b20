package ratelimit

import (
	"sync"
	"time"
)

// denials remembers who is over the limit, and until when: the database need not
// be asked before, since a key's next request is allowed at a time that no
// request in between makes any earlier. It is safe for concurrent use.
type denials struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]denial
}

type denial struct {
	until time.Time // when the next request is allowed
	full  time.Time // when the whole burst may come again
}

func newDenials(now func() time.Time) *denials {
	return &denials{now: now, known: make(map[string]denial)}
}

// find returns the refusal of a key; false when it may be allowed again.
func (d *denials) find(key string) (decision, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, found := d.known[key]
	if !found {
		return decision{}, false
	}
	now := d.now()
	if !now.Before(known.until) {
		delete(d.known, key)
		return decision{}, false
	}
	return decision{retryAfter: known.until.Sub(now), full: known.full.Sub(now)}, true
}

// put remembers a refusal. Where there are too many, all are forgotten: that
// costs no more than the question that they saved.
func (d *denials) put(key string, refusal decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxKeys {
		clear(d.known)
	}
	now := d.now()
	d.known[key] = denial{until: now.Add(refusal.retryAfter), full: now.Add(refusal.full)}
}
