package verify

import (
	"slices"
	"time"
)

// sagaStepAt is a step of the saga, the service that does it, and the
// compensation that undoes it.
type sagaStepAt struct{ step, service, undo string }

const creation = "CreateOrder"

var (
	// reversible steps have a compensation of their own. They are done in this
	// order.
	reversible = []sagaStepAt{
		{creation, orderService, "CancelOrder"},
		{"ReserveInventory", inventoryService, releaseInventory},
		{"ChargePayment", paymentService, refundPayment},
		{"ShipOrder", shippingService, cancelShipment},
	}
	// confirmation is undone with the creation, and stays confirmed.
	confirmation = sagaStepAt{"ConfirmOrder", orderService, ""}
	// irreversible steps are those of a shipped order only.
	irreversible = []sagaStepAt{
		{"CommitInventory", inventoryService, ""},
		{"CompleteOrder", orderService, ""},
	}
)

// clockSkew is by how much the clocks of two services may differ.
const clockSkew = time.Second

// undoOf is the compensation of a step; "" where there is none.
func undoOf(step string) string {
	for _, s := range reversible {
		if s.step == step {
			return s.undo
		}
	}
	return ""
}

// compensation is invariant 7: whatever was tried is confirmed or compensated,
// in reverse order; nothing takes effect without its fence row, or after its
// tombstone. What an operator has settled by hand may be neither.
//
// Each revision of a step has a row of its own. Records of decisions have rows,
// too, and are never undone.
func (b *breaches) compensation(o *orderRows, h *history) {
	for service, rows := range o.fences {
		for _, row := range rows {
			b.fenceRow(o, h, service, row)
		}
	}
	switch h.end() {
	case shipped:
		b.allConfirmed(o)
	case cancelled:
		b.allCompensated(o, h)
	}
	// What came late, and why, is known when the order has ended. Of an order
	// that was recovered, the lost run has taken its reasons with it.
	if h.end() == cancelled && !h.recovered() {
		b.reverseOrder(o, h)
	}
	b.fencedEffects(o, h)
}

func (b *breaches) fenceRow(o *orderRows, h *history, service string, row fenceRow) {
	tried, confirmedAt, undone := !row.TriedAt.IsZero(), !row.ConfirmedAt.IsZero(), !row.CompensatedAt.IsZero()
	consistent := false
	switch row.State {
	case "tried":
		consistent = tried && !confirmedAt && !undone
		// An agreed refund may be under way whatever has become of the order.
		if h.endOf(undoOf(row.Step)) != "" && !o.agreesOn(row) {
			b.add(Compensation, "it is %s, but %s at %s was tried and never confirmed or compensated", h.status, row.Step, service)
		}
	case "confirmed":
		consistent = tried && confirmedAt && !undone && !row.ConfirmedAt.Before(row.TriedAt)
	case "compensated":
		consistent = undone && (tried || !confirmedAt) && !row.CompensatedAt.Before(row.ConfirmedAt)
	}
	if !consistent {
		b.add(Compensation, "%s at %s is %s, which its times contradict", row.Step, service, row.State)
	}
}

// inState are the fence rows of a step that are in the state.
func (o *orderRows) inState(service, step, state string) (rows []fenceRow) {
	for _, row := range o.fences[service] {
		if row.Step == step && row.State == state {
			rows = append(rows, row)
		}
	}
	return rows
}

// refused reports whether the provider, or the carrier, has refused what was
// asked for under the row's key. The fence keeps a refusal as it keeps any other
// answer: confirmed.
func (o *orderRows) refused(row fenceRow) bool {
	for _, charge := range o.providerCharges {
		if charge.IdempotencyKey == row.word() && charge.State == "declined" {
			return true
		}
	}
	for _, consignment := range o.consignments {
		if consignment.IdempotencyKey == row.word() && consignment.State == "refused" {
			return true
		}
	}
	return false
}

// allConfirmed checks that each step has happened once: under its first key, or
// under a later one when what was refused was fixed.
func (b *breaches) allConfirmed(o *orderRows) {
	for _, needed := range slices.Concat(reversible, []sagaStepAt{confirmation}, irreversible) {
		rows := slices.DeleteFunc(o.inState(needed.service, needed.step, "confirmed"), o.refused)
		if len(rows) != 1 {
			b.add(Compensation, "it is shipped, but %s has %d confirmed fence rows at %s", needed.step, len(rows), needed.service)
		}
	}
}

func (b *breaches) allCompensated(o *orderRows, h *history) {
	for _, undone := range reversible {
		if !h.settled(undone.undo) && len(o.inState(undone.service, undone.step, "confirmed")) > 0 {
			b.add(Compensation, "it is cancelled, but %s at %s is confirmed and not compensated", undone.step, undone.service)
		}
	}
	if len(o.inState(orderService, "CreateOrder", "compensated")) == 0 {
		b.add(Compensation, "it is cancelled, but CreateOrder is not compensated")
	}
	for _, never := range irreversible {
		if len(o.inState(never.service, never.step, "confirmed")) > 0 {
			b.add(Compensation, "it is cancelled, but %s at %s was done", never.step, never.service)
		}
	}
}

// reverseOrder checks that no step was compensated before one that came after
// it, and of one step the last revision first. A compensation that was blocked
// came late, and only the end of the order had to wait for it.
func (b *breaches) reverseOrder(o *orderRows, h *history) {
	var inTurn, last undoing
	for _, step := range slices.Backward(reversible) {
		if h.settled(step.undo) {
			continue
		}
		delayed := h.delayed(step)
		for _, row := range slices.Backward(o.inState(step.service, step.step, "compensated")) {
			if row.TriedAt.IsZero() && step.step != creation {
				continue // a tombstone, which undid nothing
			}
			before := inTurn
			if step.step == creation {
				before = last
			}
			if !delayed && row.CompensatedAt.Add(clockSkew).Before(before.at) {
				b.add(Compensation, "%s was compensated at %s, before %s at %s", step.step,
					row.CompensatedAt.Format(time.RFC3339Nano), before.step, before.at.Format(time.RFC3339Nano))
			}
			last = last.or(row)
			if !delayed {
				inTurn = inTurn.or(row)
			}
		}
	}
}

// undoing is when a step was undone.
type undoing struct {
	step string
	at   time.Time
}

// or returns the later one.
func (u undoing) or(row fenceRow) undoing {
	if row.CompensatedAt.After(u.at) {
		return undoing{row.Step, row.CompensatedAt}
	}
	return u
}

// fencedEffects checks that every effect has a fence row, and that the row is
// no tombstone.
func (b *breaches) fencedEffects(o *orderRows, h *history) {
	known := make(map[string]map[string]fenceRow)
	for service, rows := range o.fences {
		known[service] = make(map[string]fenceRow)
		for _, row := range rows {
			known[service][row.word()] = row
		}
	}
	seen := make(map[string]bool)
	effect := func(service, what, key string) {
		about := service + " " + key
		if seen[about] {
			return
		}
		seen[about] = true
		row, fenced := known[service][key]
		switch {
		case !fenced:
			b.add(Compensation, "%s under %s has no fence row", what, key)
		case row.State == "compensated" && row.TriedAt.IsZero():
			b.add(Compensation, "%s under %s came after its tombstone", what, key)
		}
	}
	for _, reservation := range o.reservations {
		effect(inventoryService, "the reservation", reservation.word())
	}
	for _, charge := range o.charges {
		effect(paymentService, "the charge", charge.word())
	}
	for _, refund := range o.refunds {
		effect(paymentService, "the refund", refund.word())
	}
	for _, movement := range o.movements {
		effect(paymentService, "the provider's "+movement.Kind, movement.ChargeKey)
	}
	for _, shipment := range o.shipments {
		effect(shippingService, "the shipment", shipment.word())
	}
	for _, consignment := range o.consignments {
		if consignment.State == "accepted" || consignment.State == "cancelled" {
			effect(shippingService, "the carrier's shipment", consignment.IdempotencyKey)
		}
	}
	for _, message := range o.messages {
		effect(notificationService, "the message", message.word())
	}
	for _, causation := range h.decisions {
		effect(orderService, "the decision", o.id+"/"+causation)
	}
	if h.end() != "" {
		return
	}
	if h.status == draft && len(o.inState(orderService, "CreateOrder", "confirmed")) == 0 {
		b.add(Compensation, "it was created, but CreateOrder has no confirmed fence row")
	}
	if h.status == confirmed && len(o.inState(confirmation.service, confirmation.step, "confirmed")) == 0 {
		b.add(Compensation, "it was confirmed, but ConfirmOrder has no confirmed fence row")
	}
}
