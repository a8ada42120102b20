package readmodel

import "sync"

// Watchers tell those who wait for an order that its rows have changed, or may
// have: another process does not say what it has projected. They hear of that
// only when this process looks, so whoever waits asks the read model again now
// and then.
//
// The zero value is ready for use.
type Watchers struct {
	mu      sync.Mutex
	waiting map[string]map[chan struct{}]struct{}
}

// Watch returns a channel that receives after each change of the order; changes
// in quick succession count as one. Watch before reading, so that no change
// falls between. Stop must be called at the end.
func (w *Watchers) Watch(orderID string) (changed <-chan struct{}, stop func()) {
	signal := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = make(map[string]map[chan struct{}]struct{})
	}
	if w.waiting[orderID] == nil {
		w.waiting[orderID] = make(map[chan struct{}]struct{})
	}
	w.waiting[orderID][signal] = struct{}{}
	return signal, func() { w.forget(orderID, signal) }
}

func (w *Watchers) forget(orderID string, signal chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting[orderID], signal)
	if len(w.waiting[orderID]) == 0 {
		delete(w.waiting, orderID)
	}
}

func (w *Watchers) notify(orderIDs []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range orderIDs {
		notify(w.waiting[id])
	}
}

// notifyAll is for changes of which nobody knows the orders.
func (w *Watchers) notifyAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, signals := range w.waiting {
		notify(signals)
	}
}

func notify(signals map[chan struct{}]struct{}) {
	for signal := range signals {
		select {
		case signal <- struct{}{}:
		default: // a signal is waiting already
		}
	}
}
