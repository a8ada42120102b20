package pricing

import (
	"sync"
	"time"
)

// maxEntries bounds a cache's memory.
const maxEntries = 10_000

// cache keeps values for a short time. It is safe for concurrent use.
type cache[V any] struct {
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	entries map[string]entry[V]
	// generation counts invalidations: what was asked for before one is not
	// stored after it.
	generation uint64
}

type entry[V any] struct {
	value   V
	expires time.Time
}

func newCache[V any](ttl time.Duration, now func() time.Time) *cache[V] {
	return &cache[V]{ttl: ttl, now: now, entries: make(map[string]entry[V])}
}

func (c *cache[V]) get(key string) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.entries[key]
	if !ok || !c.now().Before(found.expires) {
		var none V
		return none, false
	}
	return found.value, true
}

// current returns the generation. Take it before asking for what put is to
// store.
func (c *cache[V]) current() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

func (c *cache[V]) put(key string, value V, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ttl <= 0 || generation != c.generation {
		return
	}
	if len(c.entries) >= maxEntries {
		// Entries live for seconds only: starting anew costs little.
		clear(c.entries)
	}
	c.entries[key] = entry[V]{value: value, expires: c.now().Add(c.ttl)}
}

func (c *cache[V]) invalidate(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	delete(c.entries, key)
}
