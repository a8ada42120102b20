package discovery

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"
)

// suspicion is how long an instance that could not be reached is passed over.
// It is shorter than the check's TTL: by then the registry knows.
const suspicion = 5 * time.Second

// instanceSet is what is known of a service's healthy instances. The instances
// never change; a new answer makes a new set.
type instanceSet struct {
	instances []Instance
	// suspects holds, for each instance, until when it is passed over, in
	// nanoseconds since the resolver's epoch. 0 is a good one.
	suspects []atomic.Int64
}

// newInstanceSet keeps the suspicions of the last set, which may be nil.
func newInstanceSet(instances []Instance, last *instanceSet) *instanceSet {
	s := &instanceSet{instances: instances, suspects: make([]atomic.Int64, len(instances))}
	if last == nil {
		return s
	}
	for i := range instances {
		if j := last.indexOf(instances[i]); j >= 0 {
			s.suspects[i].Store(last.suspects[j].Load())
		}
	}
	return s
}

// next takes turns over the instances that are no suspects, or over all when
// all are. It reports false for an empty set. Now counts from the resolver's
// epoch.
func (s *instanceSet) next(turn *atomic.Uint64, now time.Duration) (Instance, bool) {
	n := uint64(len(s.instances))
	if n == 0 {
		return Instance{}, false
	}
	first := turn.Add(1) % n
	for i := range n {
		if at := (first + i) % n; s.suspects[at].Load() <= int64(now) {
			return s.instances[at], true
		}
	}
	return s.instances[first], true
}

// suspect makes the instance a suspect. An instance that has moved to another
// address since is a new one.
func (s *instanceSet) suspect(instance Instance, until time.Duration) {
	if i := s.indexOf(instance); i >= 0 {
		s.suspects[i].Store(int64(until))
	}
}

func (s *instanceSet) indexOf(instance Instance) int {
	return slices.IndexFunc(s.instances, func(known Instance) bool {
		return known.ID == instance.ID && known.Host == instance.Host && known.Port == instance.Port
	})
}

// equal reports whether the answer is the one that the set was made of. Both
// are ordered by ID.
func (s *instanceSet) equal(instances []Instance) bool {
	return slices.EqualFunc(s.instances, instances, func(a, b Instance) bool {
		return a.ID == b.ID && a.Name == b.Name && a.Host == b.Host && a.Port == b.Port &&
			a.Version == b.Version && slices.Equal(a.Tags, b.Tags) && maps.Equal(a.Metadata, b.Metadata)
	})
}
