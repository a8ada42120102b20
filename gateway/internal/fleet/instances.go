package fleet

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"orderflow/internal/discovery"
)

// Health is what the registry thinks of an instance.
type Health string

// The values of Health.
const (
	Passing Health = "passing"
	Failing Health = "failing"
	// Unknown is the health of an instance that calls go to, but that no
	// registry lists.
	Unknown Health = "unknown"
)

// Caller is what the calls of one process have shown of an instance.
type Caller struct {
	Process
	discovery.InstanceStatus
}

// Instance is one process of a service, and what others know of it.
type Instance struct {
	discovery.Instance
	Health  Health
	Callers []Caller
}

// Instances are what is known, ordered by service and ID.
type Instances struct {
	Instances   []Instance
	Unavailable []Unavailable
}

// services are all that there are.
var services = []string{
	"gateway", "workers", "order", "inventory", "payment", "shipping", "notification", "customer", "catalog",
}

// Instances lists the instances of every service, registered or called.
func (f *Fleet) Instances(ctx context.Context) Instances {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	known := roster{}
	var reports Reports
	var asking sync.WaitGroup
	asking.Go(func() { reports = f.guards(ctx) })
	found := make([]listed, len(services))
	if f.registry != nil {
		for i, service := range services {
			asking.Go(func() { found[i] = f.list(ctx, service) })
		}
	}
	asking.Wait()
	for i, list := range found {
		if list.err != nil {
			missing := Unavailable{Process: Process{Service: services[i]}, Reason: "the registry does not answer"}
			if !slices.Contains(reports.Unavailable, missing) {
				reports.Unavailable = append(reports.Unavailable, missing)
			}
		}
		known.register(list)
	}
	for _, report := range reports.Reports {
		known.called(report)
	}
	return Instances{Instances: known.sorted(), Unavailable: reports.Unavailable}
}

// listed are the instances of one service in the registry.
type listed struct {
	all, healthy []discovery.Instance
	err          error
}

func (f *Fleet) list(ctx context.Context, service string) (l listed) {
	if l.all, l.err = f.registry.Instances(ctx, service); l.err == nil {
		l.healthy, l.err = f.registry.HealthyInstances(ctx, service)
	}
	return l
}

// roster are the instances by who they are.
type roster map[Process]*Instance

func (r roster) register(list listed) {
	if list.err != nil {
		return
	}
	for _, instance := range list.all {
		r[Process{instance.Name, instance.ID}] = &Instance{Instance: instance, Health: Failing}
	}
	for _, instance := range list.healthy {
		r[Process{instance.Name, instance.ID}] = &Instance{Instance: instance, Health: Passing}
	}
}

// called adds what a process knows of the instances that it calls. Several of
// its targets may be parts of one service; their instances are the same.
func (r roster) called(report Report) {
	for _, guard := range report.Guards {
		if guard.Target != guard.Service {
			continue
		}
		for _, status := range guard.Instances {
			id := Process{guard.Service, status.ID}
			if r[id] == nil {
				r[id] = &Instance{Instance: status.Instance, Health: Unknown}
			}
			r[id].Callers = append(r[id].Callers, Caller{Process: report.Process, InstanceStatus: status})
		}
	}
}

func (r roster) sorted() []Instance {
	all := make([]Instance, 0, len(r))
	for _, instance := range r {
		all = append(all, *instance)
	}
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all
}
