package contract

import (
	"slices"
	"time"
)

// Reconcile is the type of the workflow that looks for orders which no workflow
// takes to their end, and starts a recovery of each. A schedule runs it.
const Reconcile = "Reconcile"

// ReconcileID is the ID of the schedule. The IDs of the runs begin with it.
const ReconcileID = "reconcile"

// Activities of Reconcile.
const (
	// FindSuspects reads one page of a source; it takes SuspectsRequest and
	// returns Suspects.
	FindSuspects = "FindSuspects"
	// RecoverOrder decides about one order; it takes Suspect and returns
	// Decision.
	RecoverOrder = "RecoverOrder"
)

// Source is where Reconcile looks.
type Source string

// The sources.
const (
	// SourceClosed are workflows that did not end by their own code.
	SourceClosed Source = "closed workflows"
	// SourceOpenOrders are orders that are drafts or confirmed.
	SourceOpenOrders Source = "open orders"
	// The others are what the services have for orders: stock that is held,
	// money that was captured, parcels that the carrier has accepted, and what
	// was tried without its outcome being known.
	SourceReservations   Source = "reservations"
	SourceCharges        Source = "charges"
	SourceShipments      Source = "shipments"
	SourcePaymentFences  Source = "payment fences"
	SourceShippingFences Source = "shipping fences"
)

// Sources lists every source in the order in which Reconcile looks: what finds
// the most comes first, so that the rest finds its workflows running.
func Sources() []Source {
	return []Source{
		SourceClosed, SourceOpenOrders,
		SourceReservations, SourceCharges, SourceShipments, SourcePaymentFences, SourceShippingFences,
	}
}

// ByTime reports whether a source has all that ever was, and not only what is
// open: Reconcile then looks only at what is new since its last run.
func (s Source) ByTime() bool {
	return slices.Contains([]Source{SourceClosed, SourceCharges, SourceShipments}, s)
}

// ReconcileInput says how Reconcile looks.
type ReconcileInput struct {
	// Grace is how old an order, or what a service has for it, must be: the
	// younger ones may belong to an order that is just being placed.
	Grace time.Duration `json:"grace"`
	// Resume is there in a run that goes on with the work of the one before.
	Resume *ReconcileState `json:"resume,omitempty"`
}

// ReconcileState is how far a round of Reconcile has come.
type ReconcileState struct {
	// StartedAt is when its first run began.
	StartedAt time.Time `json:"startedAt"`
	// Before is how far the rounds before it have come.
	Before []SourceReport `json:"before,omitempty"`
	// Reports are those of the sources that it has begun with; Cursor is the
	// next page of the last one, "" when that was looked at to its end.
	Reports []SourceReport `json:"reports,omitempty"`
	Cursor  string         `json:"cursor,omitempty"`
}

// ReconcileResult says what a round has done. The next one begins where it has
// ended.
type ReconcileResult struct {
	StartedAt time.Time      `json:"startedAt"`
	Sources   []SourceReport `json:"sources"`
}

// SourceReport counts what Reconcile has found in one source. Every order that
// was looked at was recovered, left alone, undecided or in need of somebody.
type SourceReport struct {
	Source    Source `json:"source"`
	Looked    int    `json:"looked"`
	Recovered int    `json:"recovered"`
	LeftAlone int    `json:"leftAlone"`
	// InNeed orders are not as they should be, and a recovery would not help
	// them; Named are the first of them.
	InNeed int      `json:"inNeed,omitempty"`
	Named  []string `json:"named,omitempty"`
	// Undecided orders are looked at again by the next round, because somebody
	// who knows of them did not answer.
	Undecided int `json:"undecided"`
	// Unread says why the source was not read to its end.
	Unread string `json:"unread,omitempty"`
	// Through is the time up to which a source that is ByTime was looked at
	// without leaving anything for the next round.
	Through time.Time `json:"through,omitzero"`
}

// SuspectsRequest asks for a page of a source: of what has been there since a
// time in [Since, Before).
type SuspectsRequest struct {
	Source Source    `json:"source"`
	Since  time.Time `json:"since,omitzero"`
	Before time.Time `json:"before"`
	// Cursor is the Next of the page before, "" for the first page.
	Cursor string `json:"cursor,omitempty"`
}

// MostNamed bounds the orders that a SourceReport names.
const MostNamed = 20

// Suspects are the orders of a page that seem to need a recovery, or somebody.
type Suspects struct {
	// Looked is how many there were on the page in all.
	Looked int       `json:"looked"`
	Orders []Suspect `json:"orders,omitempty"`
	// Next is "" on the last page.
	Next string `json:"next,omitempty"`
}

// Suspect is an order that seems to need a recovery, and why: where it was
// found, and the step whose effect stands there.
type Suspect struct {
	OrderID  string    `json:"orderId"`
	Source   Source    `json:"source"`
	Step     string    `json:"step,omitempty"`
	Revision int       `json:"revision,omitempty"`
	Since    time.Time `json:"since,omitzero"`
}

// Decision is what was decided about an order.
type Decision struct {
	// Recovered says that a recovery was started.
	Recovered bool `json:"recovered"`
	// InNeed says that the order is not as it should be, and that somebody has
	// to look at it: a recovery would not help.
	InNeed bool `json:"inNeed,omitempty"`
	// Reason is for whoever reads the history of Reconcile.
	Reason string `json:"reason"`
}

// MostRevisions bounds the fixes of one step, and so what a Recovery, which
// does not know how many there were, has to undo.
const MostRevisions = 3

// Recoverable reports whether a Recovery undoes the effect of a step.
func Recoverable(step string, revision int) bool {
	switch step {
	case StepReserveInventory:
		return revision == 1
	case StepChargePayment, StepShipOrder:
		return revision >= 1 && revision <= MostRevisions
	default:
		return false
	}
}
