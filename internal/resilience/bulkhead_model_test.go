package resilience

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"
)

// bulkheadModel is the Bulkhead of the brief, line by line, with calls in place
// of promises, and with the design's refinement that a call may leave the
// queue.
type bulkheadModel struct {
	maxConcurrent, maxQueue int

	currentCount int
	queue        []int // calls
}

func (m *bulkheadModel) acquire(call int) (admitted, queued bool) {
	if m.currentCount < m.maxConcurrent {
		m.currentCount++
		return true, false
	}
	if len(m.queue) >= m.maxQueue {
		return false, false
	}
	m.queue = append(m.queue, call)
	return false, true
}

// release returns the call that the permit goes to, or -1.
func (m *bulkheadModel) release() int {
	m.currentCount--
	if len(m.queue) == 0 {
		return -1
	}
	next := m.queue[0]
	m.queue = m.queue[1:]
	m.currentCount++
	return next
}

// bulkheadCall is what became of a call.
type bulkheadCall struct {
	cancel  context.CancelFunc
	release func()
	err     error
}

// bulkheadMachine drives a bulkhead and its model.
type bulkheadMachine struct {
	bulkhead *Bulkhead
	model    bulkheadModel
	calls    []*bulkheadCall
	inside   []int // calls that hold a permit
	rejected uint64
	gone     uint64
}

func (m *bulkheadMachine) acquire(t *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	call := &bulkheadCall{cancel: cancel}
	id := len(m.calls)
	m.calls = append(m.calls, call)
	go func() { call.release, call.err = m.bulkhead.Acquire(ctx) }()
	synctest.Wait()

	admitted, queued := m.model.acquire(id)
	switch {
	case admitted:
		m.enters(t, id)
	case queued:
		if call.release != nil || call.err != nil {
			t.Fatalf("call %d should wait, got release %t, error %v", id, call.release != nil, call.err)
		}
	default:
		m.rejected++
		if !errors.Is(call.err, ErrBulkheadFull) {
			t.Fatalf("call %d should be refused, got %v", id, call.err)
		}
	}
}

func (m *bulkheadMachine) enters(t *rapid.T, id int) {
	if m.calls[id].release == nil {
		t.Fatalf("call %d should have a permit, got %v", id, m.calls[id].err)
	}
	m.inside = append(m.inside, id)
}

func (m *bulkheadMachine) release(t *rapid.T) {
	if len(m.inside) == 0 {
		t.Skip("no call is inside")
	}
	i := rapid.IntRange(0, len(m.inside)-1).Draw(t, "inside")
	id := m.inside[i]
	m.inside = slices.Delete(m.inside, i, i+1)
	m.calls[id].release()
	synctest.Wait()
	if next := m.model.release(); next >= 0 {
		m.enters(t, next)
	}
}

func (m *bulkheadMachine) leave(t *rapid.T) {
	if len(m.model.queue) == 0 {
		t.Skip("no call waits")
	}
	i := rapid.IntRange(0, len(m.model.queue)-1).Draw(t, "queued")
	id := m.model.queue[i]
	m.model.queue = slices.Delete(m.model.queue, i, i+1)
	m.gone++
	m.calls[id].cancel()
	synctest.Wait()
	if !errors.Is(m.calls[id].err, context.Canceled) {
		t.Fatalf("call %d should have left, got %v", id, m.calls[id].err)
	}
}

func (m *bulkheadMachine) check(t *rapid.T) {
	stats := m.bulkhead.Stats()
	if stats.Current != m.model.currentCount || stats.Queued != len(m.model.queue) {
		t.Fatalf("%d inside and %d queued, the model says %d and %d",
			stats.Current, stats.Queued, m.model.currentCount, len(m.model.queue))
	}
	if stats.Rejected != m.rejected || stats.Abandoned != m.gone {
		t.Fatalf("%d rejected and %d abandoned, want %d and %d", stats.Rejected, stats.Abandoned, m.rejected, m.gone)
	}
}

func TestBulkheadBehavesLikeTheBriefs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			concurrent := rapid.IntRange(1, 4).Draw(t, "maxConcurrent")
			queue := rapid.IntRange(0, 5).Draw(t, "maxQueue")
			m := &bulkheadMachine{
				bulkhead: newTestBulkhead(concurrent, queue),
				model:    bulkheadModel{maxConcurrent: concurrent, maxQueue: queue},
			}
			defer func() {
				for _, call := range m.calls {
					call.cancel()
				}
				synctest.Wait()
			}()
			t.Repeat(map[string]func(*rapid.T){
				"":        m.check,
				"acquire": m.acquire,
				"another": m.acquire,
				"release": m.release,
				"leave":   m.leave,
			})
		})
	})
}
