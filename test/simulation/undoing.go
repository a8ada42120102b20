package simulation

import (
	"fmt"
	"slices"

	"orderflow/workflows/contract"
)

// forward are the steps of the saga; backward what undoes them, in the order
// in which it must be begun.
var (
	forward  = contract.Steps()
	backward = []string{contract.UndoShipOrder, contract.UndoChargePayment, contract.UndoReserveInventory, contract.UndoCreateOrder}
)

// undoOf names what undoes a step.
var undoOf = map[string]string{
	contract.StepCreateOrder:      contract.UndoCreateOrder,
	contract.StepReserveInventory: contract.UndoReserveInventory,
	contract.StepChargePayment:    contract.UndoChargePayment,
	contract.StepShipOrder:        contract.UndoShipOrder,
}

// Check looks for what no saga may do, in the order of its calls. The rows of
// the services are for Judge.
func (s *Saga) Check() (wrong []string) {
	entries := s.Trace.Entries()
	for number := 1; number <= s.run; number++ {
		wrong = append(wrong, s.checkRun(number, entries)...)
	}
	wrong = append(wrong, checkTombstones(entries)...)
	wrong = append(wrong, s.checkSettled(entries)...)
	wrong = append(wrong, s.checkCancelled(entries)...)
	if !slices.Contains([]End{Shipped, Undone, CancelledByRequest, Terminated}, s.End) {
		wrong = append(wrong, fmt.Sprintf("its workflow ended %q", s.End))
	}
	return wrong
}

// checkRun checks the calls of one workflow: compensations begin in reverse
// order, of one step the last revision first, the record of the end comes last,
// no step is taken after the first of them; and an undone order has each step
// undone that was tried, a shipped one none.
func (s *Saga) checkRun(number int, entries []Entry) (wrong []string) {
	report := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("run %d: ", number)+fmt.Sprintf(format, args...))
	}
	var sent []Entry
	var end End
	for _, entry := range entries {
		switch {
		case entry.Run != number:
		case entry.Kind == Sent && s.leftOver(entry):
		case entry.Kind == Sent && end != "" && end != Terminated:
			report("%s was called after the end", entry.Activity)
		case entry.Kind == Sent:
			sent = append(sent, entry)
		case entry.Kind == Ended:
			end = End(entry.Text)
		}
	}
	calls := func(activity string) int {
		return slices.IndexFunc(sent, func(e Entry) bool { return e.Activity == activity })
	}
	begun := -1 // the compensation that has come last
	lowest := map[string]int{}
	for _, entry := range sent {
		position := slices.Index(backward, entry.Activity)
		step := slices.Index(forward, entry.Activity)
		switch {
		case step >= 0 && entry.Activity != contract.StepNotifyCustomer && begun >= 0:
			report("%s was tried after %s", entry.Activity, backward[begun])
		case position < 0:
		case lowest[entry.Activity] == 0:
			if position < begun {
				report("%s was first tried after %s", entry.Activity, backward[begun])
			}
			begun, lowest[entry.Activity] = max(begun, position), entry.Revision
		case entry.Activity != contract.UndoCreateOrder && begun == len(backward)-1:
			report("%s was tried after the end was recorded", entry.Activity)
		case entry.Revision < lowest[entry.Activity]-1:
			report("revision %d of %s was tried right after revision %d", entry.Revision, entry.Activity, lowest[entry.Activity])
		default:
			lowest[entry.Activity] = min(lowest[entry.Activity], entry.Revision)
		}
	}
	for step, undo := range undoOf {
		switch {
		case end == Shipped && calls(undo) >= 0:
			report("it was shipped, but %s was called", undo)
		case (end == Undone || end == CancelledByRequest) && calls(step) >= 0 && calls(undo) < 0 && !s.neverCreated(step):
			report("%s was tried, but %s never called", step, undo)
		}
	}
	return wrong
}

// neverCreated is the one step that needs no undoing: an order that the order
// service has refused.
func (s *Saga) neverCreated(step string) bool {
	return step == contract.StepCreateOrder && slices.Contains(s.Scenario.Fates[step], Refused)
}

// checkSettled checks that no later run repeats a compensation that an operator
// has settled: it may have been done by hand.
func (s *Saga) checkSettled(entries []Entry) (wrong []string) {
	for _, entry := range entries {
		if entry.Kind == Sent && s.settledBefore(entry.Activity, entry.Run) {
			wrong = append(wrong, fmt.Sprintf("run %d: %s was called, which an operator had settled before", entry.Run, entry.Activity))
		}
	}
	return wrong
}

// checkCancelled checks that an order keeps what it has promised to who cancels
// it. A workflow that was terminated cannot: its recovery decides by what it
// finds.
func (s *Saga) checkCancelled(entries []Entry) (wrong []string) {
	for _, entry := range entries {
		if entry.Kind == Told && entry.Text == contract.UpdateCancel+" accepted" && s.End == Shipped && entry.Run == s.run {
			wrong = append(wrong, "it was shipped, but its cancellation was promised")
		}
	}
	return wrong
}

// settledBefore reports whether an operator has settled the compensation in a
// run before that one.
func (s *Saga) settledBefore(undo string, run int) bool {
	for i, word := range s.settled {
		if word.Step == undo && s.settledIn[i] < run {
			return true
		}
	}
	return false
}

// checkTombstones checks that no action succeeds after its compensation has.
func checkTombstones(entries []Entry) (wrong []string) {
	type key struct {
		undo     string
		revision int
	}
	undone := map[key]bool{}
	for _, entry := range entries {
		if entry.Kind != Delivered {
			continue
		}
		if entry.Text == "done" && slices.Contains(backward, entry.Activity) {
			undone[key{entry.Activity, entry.Revision}] = true
		}
		if entry.Text == "done" && undone[key{undoOf[entry.Activity], entry.Revision}] {
			wrong = append(wrong, fmt.Sprintf("%s succeeded after %s", entry.Activity, undoOf[entry.Activity]))
		}
		if slices.Contains([]string{"unavailable", "timeout", "bad-answer", "breaker-open", "bulkhead-full", "internal"}, entry.Text) {
			wrong = append(wrong, fmt.Sprintf("the service failed with %s at %s", entry.Text, entry.Activity))
		}
	}
	return wrong
}
