package rpc

import (
	"cmp"
	"slices"
	"sync"

	"orderflow/internal/resilience"
)

// Guards lists the guards of one process, so that operators can see them. The
// zero value is ready for use. Make one in main and give it to each client by
// WithGuards.
type Guards struct {
	mu     sync.Mutex
	guards []*resilience.Guard
}

// Snapshot returns the state of every guard, ordered by target.
func (g *Guards) Snapshot() []resilience.Snapshot {
	g.mu.Lock()
	guards := slices.Clone(g.guards)
	g.mu.Unlock()

	snapshots := make([]resilience.Snapshot, 0, len(guards))
	for _, guard := range guards {
		snapshots = append(snapshots, guard.Snapshot())
	}
	slices.SortStableFunc(snapshots, func(a, b resilience.Snapshot) int {
		return cmp.Compare(a.Target, b.Target)
	})
	return snapshots
}

func (g *Guards) add(guard *resilience.Guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.guards = append(g.guards, guard)
}

func (g *Guards) remove(guard *resilience.Guard) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.guards = slices.DeleteFunc(g.guards, func(known *resilience.Guard) bool { return known == guard })
}
