package servicetoken

import "sync"

// recent keeps the values that were put in last: at least size of them, at most
// twice as many. When the young generation is full it becomes the old one, and
// the old one is forgotten. It is safe for concurrent use.
type recent[K comparable, V any] struct {
	size int

	mu         sync.RWMutex
	young, old map[K]V
}

func (r *recent[K, V]) get(key K) (value V, found bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if value, found = r.young[key]; !found {
		value, found = r.old[key]
	}
	return value, found
}

func (r *recent[K, V]) put(key K, value V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) >= r.size {
		r.old, r.young = r.young, make(map[K]V)
	}
	r.young[key] = value
}
