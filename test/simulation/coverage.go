package simulation

import (
	"fmt"
	"maps"
	"slices"

	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// Coverage counts what has happened to many orders. A simulation in which
// something never happens proves nothing about it.
type Coverage map[string]int

// Add counts what has happened to one order.
func (c Coverage) Add(saga *Saga) {
	for _, entry := range saga.Trace.Entries() {
		switch entry.Kind {
		case Sent:
			c[entry.Activity+" "+entry.Text]++
		case Delivered:
			c["answer "+entry.Text]++
		case Told, Ended:
			c[entry.Text]++
		default:
		}
	}
	if slices.ContainsFunc(saga.settledIn, func(run int) bool { return run < saga.run }) {
		c[recoveredAfterWord]++
	}
}

// recoveredAfterWord is an order that was recovered after an operator had
// settled one of its compensations.
const recoveredAfterWord = "recovered after an operator's word"

// Missing lists what has not happened, of what must.
func (c Coverage) Missing() (missing []string) {
	needed := []string{recoveredAfterWord, string(Shipped), string(Undone), string(CancelledByRequest), string(Terminated)}
	for _, fate := range append([]Fate{Arrives, Twice, OnHold}, faulty...) {
		for _, activity := range slices.Concat(forward, backward, []string{contract.RecordIntervention, contract.FindShipment}) {
			needed = append(needed, activity+" "+string(fate))
		}
	}
	for _, code := range []problem.Code{
		problem.OutOfStock, problem.PaymentDeclined, problem.ShipmentRefused, problem.RefundRefused, problem.AlreadyCompensated,
	} {
		needed = append(needed, "answer "+string(code))
	}
	for _, update := range []string{
		contract.UpdateCancel, contract.UpdateHold, contract.UpdateRelease, contract.UpdateFix,
		contract.UpdateRetry, contract.UpdateSkip, contract.UpdateResolve,
	} {
		needed = append(needed, update+" accepted")
	}
	needed = append(needed, cancelWorkflow,
		contract.UpdateCancel+" refused: "+contract.ErrorTooLate,
		contract.UpdateCancel+" refused: "+contract.ErrorAlreadyCancelled,
		contract.UpdateHold+" refused: "+contract.ErrorTooLate,
		contract.UpdateRelease+" refused: "+contract.ErrorHeldByOperator,
		contract.UpdateFix+" refused: "+contract.ErrorNothingToFix)
	return slices.DeleteFunc(needed, func(what string) bool { return c[what] > 0 })
}

// String lists what has happened, a line each.
func (c Coverage) String() string {
	text := ""
	for _, what := range slices.Sorted(maps.Keys(c)) {
		text += fmt.Sprintf("%6d %s\n", c[what], what)
	}
	return text
}
