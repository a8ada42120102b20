package rpc

import (
	"cmp"
	"slices"
	"sync"

	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
)

// Guards lists the clients of one process, so that operators can see what
// guards their targets. The zero value is ready for use. Make one in main and
// give it to each client by WithGuards.
type Guards struct {
	mu      sync.Mutex
	clients []*Client
}

// Snapshot is what stands around the calls to one target at one moment, in the
// form of the operators' routes.
type Snapshot struct {
	// Service is whose instances are called; usually it is the target.
	Service string `json:"service"`
	resilience.Snapshot
	// Status is empty when the resolver does not follow the calls.
	discovery.Status
}

// Snapshot returns the state of every client, ordered by target.
func (g *Guards) Snapshot() []Snapshot {
	g.mu.Lock()
	clients := slices.Clone(g.clients)
	g.mu.Unlock()

	snapshots := make([]Snapshot, 0, len(clients))
	for _, client := range clients {
		snapshots = append(snapshots, client.Snapshot())
	}
	slices.SortStableFunc(snapshots, func(a, b Snapshot) int {
		return cmp.Compare(a.Target, b.Target)
	})
	return snapshots
}

func (g *Guards) add(client *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients = append(g.clients, client)
}

func (g *Guards) remove(client *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clients = slices.DeleteFunc(g.clients, func(known *Client) bool { return known == client })
}
