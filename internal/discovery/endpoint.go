package discovery

import (
	"sync/atomic"
	"time"
)

// suspicion is how long an instance that could not be reached is passed over.
// It is shorter than the check's TTL: by then the registry knows.
const suspicion = 5 * time.Second

// endpoint is what the calls to one instance have shown of it. It outlives the
// sets of instances that it is in, and a short absence from them. Times count from the rotation's epoch.
//
// The fields of the first part are read without the rotation's lock, and but
// for inFlight and suspectUntil are changed only under it.
type endpoint struct {
	joined       time.Duration // when it came into the rotation
	inFlight     atomic.Int64
	suspectUntil atomic.Int64  // until when it is passed over; 0 is a good one
	ejectedUntil atomic.Int64  // until when it is not even probed; 0 is in the rotation
	failures     atomic.Int32  // in a row
	term         atomic.Uint32 // rises when it is ejected and when it is back: what a result belongs to

	probing   bool          // its one probe is under way
	lasted    time.Duration // how long it was ejected last; 0 is never
	returned  time.Duration // when it was back from that
	ejections uint64
}

func (e *endpoint) ejected() bool { return e.ejectedUntil.Load() != 0 }

func (e *endpoint) suspect(now time.Duration) bool { return e.suspectUntil.Load() > int64(now) }

// good reports that its last call worked, or that nothing is known against it.
func (e *endpoint) good(now time.Duration) bool {
	return !e.ejected() && !e.suspect(now) && e.failures.Load() == 0
}

// nextEjection is how long it is ejected if it is now.
func (e *endpoint) nextEjection(cfg Ejection, now time.Duration) time.Duration {
	recovered := !e.ejected() && now-e.returned >= e.lasted
	if e.lasted == 0 || recovered {
		return cfg.BaseTime
	}
	return min(2*e.lasted, cfg.MaxTime)
}

// ejectAt takes it out of the rotation.
func (e *endpoint) ejectAt(now, lasts time.Duration) {
	e.lasted = lasts
	e.ejections++
	e.term.Add(1)
	e.ejectedUntil.Store(int64(now + lasts))
}

// returnAt takes it into the rotation again.
func (e *endpoint) returnAt(now time.Duration) {
	e.returned = now
	e.term.Add(1)
	e.ejectedUntil.Store(0)
}
