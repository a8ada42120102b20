package verify

import "slices"

// end is invariant 3: an order ends shipped with a completed saga or cancelled
// with a compensated one, and the saga's own account of its steps agrees. Of an
// order that has not ended, the gateway must know that its saga goes on or
// waits for an operator.
func (b *breaches) end(o *orderRows, h *history, atRest bool) {
	switch h.end() {
	case shipped:
		if h.saga.State != sagaCompleted {
			b.add(End, "it is shipped, but its saga ended %q", h.saga.State)
		}
		b.steps(h, "done")
		return
	case cancelled:
		if h.saga.State != sagaCompensated {
			b.add(End, "it is cancelled, but its saga ended %q", h.saga.State)
		}
		b.steps(h, "compensated", "failed", "skipped")
		return
	}
	told := o.standing
	switch {
	case !told.asked:
	case !told.found:
		b.add(End, "it is %s, and the gateway does not know it", h.status)
	case told.saga == sagaCompleted || told.saga == sagaCompensated:
		b.add(End, "its saga is %s, but its history stands at %s", told.saga, h.status)
	case told.status != h.status && (told.status == shipped || told.status == cancelled):
		b.add(End, "the gateway shows it as %s, but its history stands at %s", told.status, h.status)
	case atRest && !o.blocked(h):
		b.add(End, "it is %s and still in flight", h.status)
	}
}

// steps checks the recorded outcome of each step. What an operator has settled
// may stand.
func (b *breaches) steps(h *history, allowed ...string) {
	for _, step := range h.saga.Steps {
		undone := step.Compensation
		settled := undone != nil && h.settled(undone.Name)
		if !slices.Contains(allowed, step.State) && (!settled || step.State != "done") {
			b.add(End, "it is %s, but its step %s is recorded as %s", h.status, step.Name, step.State)
		}
		if undone != nil && undone.State != "done" && !settled {
			b.add(End, "it is %s, but the compensation %s is recorded as %s", h.status, undone.Name, undone.State)
		}
	}
}

// blocked reports whether the order waits for an operator.
func (o *orderRows) blocked(h *history) bool {
	return h.saga.State == sagaBlocked || o.standing.saga == sagaBlocked
}
