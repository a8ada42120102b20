package discovery

import (
	"slices"
	"time"

	"go.uber.org/zap"
)

// mayEject reports whether the endpoint has failed often enough, and whether no
// more than half of the set is then ejected. The caller holds the lock, as for
// all functions of this file.
func (r *rotation) mayEject(e *endpoint) bool {
	cfg := r.balance.Ejection
	if cfg.Off || int(e.failures.Load()) < cfg.Failures || e.ejected() {
		return false
	}
	return int(r.out.Load())+1 <= mostEjected(r.current.Load())
}

// mostEjected is how many instances of the set may be ejected at once.
func mostEjected(set *instanceSet) int { return len(set.members) / 2 }

// has reports whether the endpoint is in the set still.
func (r *rotation) has(e *endpoint) bool {
	return slices.ContainsFunc(r.current.Load().members, func(m member) bool { return m.endpoint == e })
}

// eject takes the instance out of the rotation, or, after a probe that failed,
// keeps it out.
func (r *rotation) eject(instance Instance, e *endpoint, now time.Duration) {
	lasts := e.nextEjection(r.balance.Ejection, now)
	e.ejectAt(now, lasts)
	r.ejected++
	r.count()
	r.log.Warn("instance ejected",
		zap.String("instanceId", instance.ID), zap.String("addr", instance.Addr()),
		zap.Int32("consecutiveFailures", e.failures.Load()), zap.Duration("for", lasts))
}

func (r *rotation) readmit(instance Instance, e *endpoint, now time.Duration) {
	e.returnAt(now)
	r.back++
	r.count()
	r.log.Info("ejected instance is back",
		zap.String("instanceId", instance.ID), zap.String("addr", instance.Addr()))
}

// limitEjected takes instances back when the set has become too small for as
// many ejected ones: first the one whose time is over first.
func (r *rotation) limitEjected(set *instanceSet, now time.Duration) {
	for r.count() > mostEjected(set) {
		var first *member
		for i := range set.members {
			m := &set.members[i]
			if m.ejected() && (first == nil || m.ejectedUntil.Load() < first.ejectedUntil.Load()) {
				first = m
			}
		}
		r.readmit(first.instance, first.endpoint, now)
	}
}

// count counts the ejected instances anew.
func (r *rotation) count() int {
	out := 0
	for _, m := range r.current.Load().members {
		if m.ejected() {
			out++
		}
	}
	r.out.Store(int32(out))
	return out
}
