package discovery

import "time"

// Status is what a resolver knows of a service at one moment, for operators.
type Status struct {
	Instances []InstanceStatus `json:"instances"`
	Ejections uint64           `json:"ejections"` // times that an instance was ejected, in total
	Returns   uint64           `json:"returns"`   // times that one was back, in total
}

// InstanceStatus is what the calls of this process have shown of an instance.
type InstanceStatus struct {
	Instance
	// Since is when it came into the rotation of this process.
	Since time.Time `json:"since"`
	// InFlight is how many calls to it are under way.
	InFlight int64 `json:"inFlight"`
	// ConsecutiveFailures is 0 when its last call worked.
	ConsecutiveFailures int32 `json:"consecutiveFailures"`
	// Unreachable says that no connection to it could be made of late, so that
	// it is passed over for a few seconds.
	Unreachable bool `json:"unreachable"`
	// Ejected says that it is out of the rotation. EjectedUntil is then when it
	// is probed, or was, if no call has come since; otherwise it is the zero
	// time.
	Ejected      bool      `json:"ejected"`
	EjectedUntil time.Time `json:"ejectedUntil,omitzero"`
	// Ejections is how often it was ejected since it came into the rotation.
	Ejections uint64 `json:"ejections"`
}

func (r *rotation) status() Status {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	status := Status{Instances: []InstanceStatus{}, Ejections: r.ejected, Returns: r.back}
	set := r.current.Load()
	if set == nil {
		return status
	}
	for _, m := range set.members {
		instance := InstanceStatus{
			Instance:            m.instance,
			Since:               r.epoch.Add(m.joined),
			InFlight:            m.inFlight.Load(),
			ConsecutiveFailures: m.failures.Load(),
			Unreachable:         m.suspect(now),
			Ejected:             m.ejected(),
			Ejections:           m.ejections,
		}
		if instance.Ejected {
			instance.EjectedUntil = r.epoch.Add(time.Duration(m.ejectedUntil.Load()))
		}
		status.Instances = append(status.Instances, instance)
	}
	return status
}
