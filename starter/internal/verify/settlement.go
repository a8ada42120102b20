package verify

import "strings"

// The compensations that an operator may end without them: see settled.
const (
	releaseInventory = "ReleaseInventory"
	refundPayment    = "RefundPayment"
	cancelShipment   = "CancelShipment"
)

// Settlement is a compensation that an operator has ended by hand, skipped or
// resolved: what it should have undone may stand, and breaks no invariant.
type Settlement struct {
	OrderID      string `json:"orderId"`
	Compensation string `json:"compensation"`
	// Resolution says who ended it, how and why, as the order's history has it.
	Resolution string `json:"resolution"`
}

// settlements are those that the event of the order's end records. A
// compensation without a resolution was settled by nobody.
func (h *history) settlements() (found []sagaCompensation) {
	if h.end() != cancelled {
		return nil
	}
	for _, step := range h.saga.Steps {
		if step.Compensation != nil && step.Compensation.settled() {
			found = append(found, *step.Compensation)
		}
	}
	return found
}

func (c sagaCompensation) settled() bool {
	switch c.Name {
	case releaseInventory, refundPayment, cancelShipment:
		return c.Resolution != "" && (c.State == "skipped" || c.State == "done")
	default:
		return false
	}
}

// settled reports whether an operator has ended the compensation.
func (h *history) settled(compensation string) bool {
	for _, settlement := range h.settlements() {
		if settlement.Name == compensation {
			return true
		}
	}
	return false
}

// endOf is the order's end as far as one compensation goes: none when an
// operator has ended that one. Its effect may then stand or not, as that of an
// order in flight.
func (h *history) endOf(compensation string) string {
	if h.settled(compensation) {
		return ""
	}
	return h.end()
}

// delayed reports whether a compensation was blocked and came late: it kept its
// error, or somebody had it tried again. The others did not wait for it.
func (h *history) delayed(step sagaStepAt) bool {
	for _, recorded := range h.saga.Steps {
		if c := recorded.Compensation; c != nil && c.Name == step.undo && c.Error != "" {
			return true
		}
	}
	return h.retried[step.step] || h.retried[step.undo]
}

// recovered reports whether a second run of the order's workflow has undone it.
func (h *history) recovered() bool {
	for _, recorded := range h.saga.Steps {
		if strings.HasPrefix(recorded.Error, recoveredReason) {
			return true
		}
	}
	return false
}

// recoveredReason begins what a recovery says of the step at which it turned
// back.
const recoveredReason = "Recovered: "
