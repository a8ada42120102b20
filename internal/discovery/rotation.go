package discovery

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/resilience"
)

// rotation spreads the calls to one service over its instances, and leaves bad
// ones alone for a while.
type rotation struct {
	balance Balance
	epoch   time.Time // what the times of the endpoints count from
	log     *zap.Logger

	turn    atomic.Uint64
	current atomic.Pointer[instanceSet] // nil until the first answer
	out     atomic.Int32                // how many of the set are ejected
	newest  atomic.Int64                // when an instance joined last

	mu       sync.Mutex // of every change of the set and of the health of its endpoints
	departed departed
	ejected  uint64 // times that an instance was ejected
	back     uint64 // times that one was back
}

// instanceSet is what is known of a service's healthy instances. It never
// changes; a new answer makes a new set.
type instanceSet struct {
	members []member
}

type member struct {
	instance Instance
	*endpoint
}

// next chooses an instance for somebody who does not tell how the call ends. It
// reports false when there is none.
func (r *rotation) next() (Instance, bool) {
	set := r.current.Load()
	if len(set.members) == 0 {
		return Instance{}, false
	}
	return r.choose(set.members, r.now()).instance, true
}

// pick chooses an instance and counts its call until Done. It reports false
// when there is none.
func (r *rotation) pick() (Pick, bool) {
	set := r.current.Load()
	if len(set.members) == 0 {
		return Pick{}, false
	}
	now := r.now()
	if r.out.Load() > 0 {
		if probe, ok := r.claimProbe(now); ok {
			return probe, true
		}
	}
	return r.begin(r.choose(set.members, now), false), true
}

func (r *rotation) begin(m *member, probe bool) Pick {
	m.inFlight.Add(1)
	return Pick{Instance: m.instance, rotation: r, endpoint: m.endpoint, term: m.term.Load(), probe: probe}
}

// choose applies the policy to the instances that are neither ejected nor
// suspects; when there is none, to those that are not ejected, and at last to
// all.
func (r *rotation) choose(members []member, now time.Duration) *member {
	want := standard{now: now, inFlight: math.MaxInt64}
	able, idlest := want.count(members)
	if able == 0 {
		want.suspects = true
		able, idlest = want.count(members)
	}
	if able == 0 {
		want.ejected = true
		able, idlest = want.count(members)
	}
	if r.balance.Policy == LeastInFlight {
		want.inFlight = idlest
		able, _ = want.count(members)
	}
	// Turns are taken among those that are able, so that each of them gets an
	// equal part of what the others do not take.
	turn := r.turn.Add(1) % uint64(max(able, 1))
	for i := range members {
		m := &members[i]
		switch {
		case !want.meets(m):
		case turn == 0:
			return m
		default:
			turn--
		}
	}
	// One that was able a moment ago is not any more.
	return &members[0]
}

// standard is what an instance must meet to be chosen.
type standard struct {
	now      time.Duration
	suspects bool  // they are taken too
	ejected  bool  // they are taken too
	inFlight int64 // the most calls that it may have under way
}

func (s *standard) meets(m *member) bool {
	return (s.ejected || !m.ejected()) && (s.suspects || !m.suspect(s.now)) && m.inFlight.Load() <= s.inFlight
}

// count returns how many meet the standard, and the calls of the idlest of them.
func (s *standard) count(members []member) (able int, idlest int64) {
	idlest = math.MaxInt64
	for i := range members {
		if m := &members[i]; s.meets(m) {
			able++
			idlest = min(idlest, m.inFlight.Load())
		}
	}
	return able, idlest
}

// claimProbe returns an ejected instance whose time is over, if there is one
// and its probe is not under way.
func (r *rotation) claimProbe(now time.Duration) (Pick, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	members := r.current.Load().members
	for i := range members {
		m := &members[i]
		if m.ejected() && !m.probing && m.ejectedUntil.Load() <= int64(now) {
			m.probing = true
			return r.begin(m, true), true
		}
	}
	return Pick{}, false
}

// done takes the end of a call; see Pick.Done. A result counts only for the
// term in which its call began: the late failures of an ejected instance do not
// prolong its ejection, and its late answers do not end it.
func (r *rotation) done(p *Pick, outcome resilience.Outcome) resilience.Outcome {
	e := p.endpoint
	e.inFlight.Add(-1)
	if outcome == resilience.Success && !p.probe && e.failures.Load() == 0 {
		return outcome // the usual end
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.probe {
		e.probing = false
	}
	if p.term == e.term.Load() && r.has(e) {
		r.record(p, outcome, now)
	}
	if outcome == resilience.Failure && r.othersAreGood(e, now) {
		return resilience.PartialFailure
	}
	return outcome
}

func (r *rotation) record(p *Pick, outcome resilience.Outcome, now time.Duration) {
	e := p.endpoint
	switch outcome {
	case resilience.Success:
		e.failures.Store(0)
		if p.probe {
			r.readmit(p.Instance, e, now)
		}
	case resilience.Failure, resilience.PartialFailure:
		e.failures.Add(1)
		if p.probe || r.mayEject(e) {
			r.eject(p.Instance, e, now)
		}
	case resilience.Ignored:
	}
}

// othersAreGood reports whether another instance in the rotation is doing well.
// The caller holds the lock.
func (r *rotation) othersAreGood(e *endpoint, now time.Duration) bool {
	if r.balance.Ejection.Off {
		return false
	}
	return slices.ContainsFunc(r.current.Load().members, func(m member) bool {
		return m.endpoint != e && m.good(now)
	})
}

// publish makes the answer the current set. It keeps what is known of the
// instances that stay, and of those that come back soon. It reports false when
// nothing has changed.
func (r *rotation) publish(instances []Instance) bool {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.current.Load()
	if last != nil && last.equal(instances) {
		return false
	}
	set := &instanceSet{members: make([]member, len(instances))}
	for i, instance := range instances {
		e := last.find(instance)
		if e == nil {
			e = r.departed.takeBack(instance, now)
		}
		if e == nil {
			e = &endpoint{joined: now}
			r.newest.Store(int64(now))
		}
		set.members[i] = member{instance, e}
	}
	r.remember(last, set, now)
	r.current.Store(set)
	r.limitEjected(set, now)
	return true
}

// suspect makes the instance a suspect.
func (r *rotation) suspect(instance Instance) {
	if e := r.current.Load().find(instance); e != nil {
		e.suspectUntil.Store(int64(r.now() + suspicion))
	}
}

func (r *rotation) now() time.Duration { return time.Since(r.epoch) }

// find returns the endpoint of the instance, or nil. An instance that has moved
// to another address or runs another version is a new process, whatever its ID.
func (s *instanceSet) find(instance Instance) *endpoint {
	if s == nil {
		return nil
	}
	for _, known := range s.members {
		if processOf(known.instance) == processOf(instance) {
			return known.endpoint
		}
	}
	return nil
}

// equal reports whether the answer is the one that the set was made of. Both
// are ordered by ID.
func (s *instanceSet) equal(instances []Instance) bool {
	return slices.EqualFunc(s.members, instances, func(m member, b Instance) bool { return m.instance.equal(b) })
}
