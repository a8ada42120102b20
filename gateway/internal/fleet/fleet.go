// Package fleet knows what the product's processes know of each other: what
// guards the calls that each of them makes, and which instances there are.
//
// Breakers and bulkheads are those of one process, so an operator's question is
// answered by asking all of them, at once and within a deadline. Whoever does
// not answer is named; the others' answers are shown all the same. The package
// asks only; it changes nothing.
package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"orderflow/internal/discovery"
	"orderflow/internal/rpc"
)

// Process is one process of the product.
type Process struct {
	// Service is its name in the registry, such as "workers".
	Service string
	// Instance is its ID; empty when not even that is known.
	Instance string
}

// Report is what one process says of the calls that it makes.
type Report struct {
	Process
	Guards []rpc.Snapshot
}

// Unavailable is a process that could not be asked.
type Unavailable struct {
	Process
	// Reason is one for operators, and names no address.
	Reason string
}

// Reports are what is known: reports and who is missing, ordered by process.
type Reports struct {
	Reports     []Report
	Unavailable []Unavailable
}

// Registry lists processes; *discovery.Consul does it.
type Registry interface {
	Instances(ctx context.Context, service string) ([]discovery.Instance, error)
	HealthyInstances(ctx context.Context, service string) ([]discovery.Instance, error)
}

// callers are the processes that make guarded calls.
var callers = []string{"gateway", "workers"}

// DefaultTimeout is how long all questions together may take.
const DefaultTimeout = 2 * time.Second

// Fleet asks the processes. It is safe for concurrent use.
type Fleet struct {
	self     Process
	own      func() []rpc.Snapshot
	registry Registry // nil: nobody is found but this process
	timeout  time.Duration
	asker    *asker

	mu sync.Mutex
	// known are the callers that the registry listed last, by service: they are
	// asked while it is away.
	known map[string][]discovery.Instance
}

// New returns the fleet that a process sees: itself, whose guards come from
// memory, and whom the registry lists. A nil registry lists nobody. A timeout
// of 0 is DefaultTimeout. Close it at the end.
func New(self Process, own func() []rpc.Snapshot, registry Registry, timeout time.Duration) *Fleet {
	return &Fleet{self: self, own: own, registry: registry, timeout: cmp.Or(timeout, DefaultTimeout), asker: newAsker(),
		known: map[string][]discovery.Instance{}}
}

// Close ends the idle connections.
func (f *Fleet) Close() error {
	f.asker.close()
	return nil
}

// Guards asks every process that makes guarded calls. It always has an answer:
// that of this process.
func (f *Fleet) Guards(ctx context.Context) Reports {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	return f.guards(ctx)
}

func (f *Fleet) guards(ctx context.Context) Reports {
	all := collected{Reports: Reports{Reports: []Report{{Process: f.self, Guards: f.own()}}}}
	if f.registry == nil {
		return all.sorted()
	}
	var asking sync.WaitGroup
	for _, service := range callers {
		asking.Go(func() {
			instances, err := f.siblings(ctx, service)
			if err != nil {
				// Whoever has come since is not asked, so the service is named too.
				all.miss(Process{Service: service}, "the registry does not answer")
			}
			for _, instance := range instances {
				process := Process{Service: service, Instance: instance.ID}
				if process == f.self {
					continue
				}
				asking.Go(func() {
					guards, err := f.asker.ask(ctx, instance)
					if err != nil {
						all.miss(process, reasonOf(err))
						return
					}
					all.add(Report{Process: process, Guards: guards})
				})
			}
		})
	}
	asking.Wait()
	return all.sorted()
}

// siblings returns the instances of a service of callers; with an error, those
// of the last answer. A registry that hangs leaves half of the time for asking
// them.
func (f *Fleet) siblings(ctx context.Context, service string) ([]discovery.Instance, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout/2)
	defer cancel()
	instances, err := f.registry.Instances(ctx, service)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		return f.known[service], err
	}
	f.known[service] = instances
	return instances, nil
}

// collected are reports as they come in.
type collected struct {
	mu sync.Mutex
	Reports
}

func (c *collected) add(report Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Reports.Reports = append(c.Reports.Reports, report)
}

func (c *collected) miss(process Process, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Unavailable = append(c.Unavailable, Unavailable{Process: process, Reason: reason})
}

func (c *collected) sorted() Reports {
	slices.SortFunc(c.Reports.Reports, func(a, b Report) int { return compare(a.Process, b.Process) })
	slices.SortFunc(c.Unavailable, func(a, b Unavailable) int { return compare(a.Process, b.Process) })
	return c.Reports
}

func compare(a, b Process) int {
	return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance))
}
