package discovery

import "orderflow/internal/resilience"

// Pick is an instance that was chosen for one call. The zero value with an
// Instance is one that nobody follows.
type Pick struct {
	Instance Instance

	rotation *rotation // nil when nobody follows the call
	endpoint *endpoint
	term     uint32 // the endpoint's when the call began
	probe    bool
}

// Done tells how the call ended. Call it exactly once, also after a panic. It
// returns what the outcome means for the service as a whole: a failure is the
// instance's own, a PartialFailure, as long as another instance in the rotation
// is doing well, which is when its last call has worked.
func (p *Pick) Done(outcome resilience.Outcome) resilience.Outcome {
	if p.rotation == nil {
		return outcome
	}
	return p.rotation.done(p, outcome)
}
