package discovery

import "time"

// process is what tells one process of a service from another.
type process struct {
	id, host, version string
	port              int
}

func processOf(i Instance) process {
	return process{id: i.ID, host: i.Host, version: i.Version, port: i.Port}
}

// departed are the endpoints that have left the set of late. An instance whose
// health check fails now and then leaves the set and comes back: as a new one it
// would begin clean each time, and end the open time of breakers.
type departed map[process]departure

type departure struct {
	*endpoint
	until time.Duration // then what is known of it is forgotten
}

// takeBack returns the endpoint of an instance that left and is remembered, or
// nil.
func (d departed) takeBack(instance Instance, now time.Duration) *endpoint {
	left, known := d[processOf(instance)]
	if !known || left.until <= now {
		return nil
	}
	delete(d, processOf(instance))
	return left.endpoint
}

// remember keeps the endpoints that are in the last set but not in the next, for
// the longest time of an ejection, and forgets those whose time is over. The
// caller holds the lock.
func (r *rotation) remember(last, next *instanceSet, now time.Duration) {
	for gone, left := range r.departed {
		if left.until <= now {
			delete(r.departed, gone)
		}
	}
	if last == nil {
		return
	}
	for _, m := range last.members {
		if next.find(m.instance) != nil {
			continue
		}
		if r.departed == nil {
			r.departed = make(departed)
		}
		r.departed[processOf(m.instance)] = departure{m.endpoint, now + r.balance.Ejection.MaxTime}
	}
}
