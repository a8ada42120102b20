// Package narrate tells people what became of an order, step by step, in plain
// words. It decides nothing and asks nobody: everything is in the order view.
package narrate

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"orderflow/starter/internal/gatewayclient"
	"orderflow/workflows/contract"
)

// Narrator writes with marks that the reader's terminal can show. The zero
// value uses ASCII.
type Narrator struct {
	// Unicode allows check marks and arrows.
	Unicode bool
}

// marks stand before a line.
type marks struct {
	done, failed, undone, waiting, attention string
}

func (n Narrator) marks() marks {
	if n.Unicode {
		return marks{done: "✓", failed: "✗", undone: "↩", waiting: "·", attention: "!"}
	}
	return marks{done: "+", failed: "x", undone: "<", waiting: "-", attention: "!"}
}

// doneWords says what a step has brought about.
func doneWords(step string) string {
	switch step {
	case contract.StepCreateOrder:
		return "order created"
	case contract.StepReserveInventory:
		return "stock reserved"
	case contract.StepChargePayment:
		return "payment taken"
	case contract.StepConfirmOrder:
		return "order confirmed"
	case contract.StepShipOrder:
		return "parcel given to the carrier"
	case contract.StepCommitInventory:
		return "stock taken off the shelf"
	case contract.StepCompleteOrder:
		return "order completed"
	case contract.StepNotifyCustomer:
		return "customer told"
	default:
		return "done"
	}
}

// undoneWords says what holds after a compensation, whether or not the step
// had happened.
func undoneWords(compensation string) string {
	switch compensation {
	case contract.UndoCreateOrder:
		return "order cancelled"
	case contract.UndoReserveInventory:
		return "no stock is held"
	case contract.UndoChargePayment:
		return "no money is kept"
	case contract.UndoShipOrder:
		return "no parcel is on its way"
	default:
		return "undone"
	}
}

// WriteSteps writes a line for every step in its order, then one for every
// compensation, the last step's first, which is the order in which they run.
func (n Narrator) WriteSteps(w io.Writer, order gatewayclient.Order) error {
	if order.Saga == nil {
		_, err := fmt.Fprintln(w, "  the steps are not known at the moment")
		return err
	}
	var text strings.Builder
	for _, progress := range order.Saga.Steps {
		mark, words := n.step(progress, order.Ended())
		fmt.Fprintf(&text, "  %s %-17s %s\n", mark, progress.Name, words)
	}
	for _, undoing := range compensations(order.Saga.Steps) {
		text.WriteString("  " + n.compensation(undoing) + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// step returns mark and words for one step. Ended says that what is pending
// now will never run.
func (n Narrator) step(progress contract.StepProgress, ended bool) (mark, words string) {
	marks := n.marks()
	switch progress.State {
	case contract.StepDone:
		return marks.done, doneWords(progress.Name)
	case contract.StepFailed:
		return marks.failed, "failed: " + reason(progress)
	case contract.StepCompensating, contract.StepCompensated:
		// It had happened; that it is undone is told with the compensations.
		return marks.done, doneWords(progress.Name)
	case contract.StepBlocked:
		return marks.attention, "waits for an operator: " + reason(progress)
	case contract.StepWaiting:
		return marks.attention, "waits for a fix: " + reason(progress)
	case contract.StepRunning:
		return marks.waiting, "is running"
	case contract.StepSkipped:
		return marks.waiting, "not reached"
	case contract.StepPending:
		if ended {
			return marks.waiting, "not reached"
		}
		return marks.waiting, "to come"
	default:
		return marks.waiting, string(progress.State)
	}
}

// compensations returns what was undone, the last step first. A compensation
// that undoes two steps is there once. One that has found nothing to undo, as far
// as anybody knows, is not told of.
func compensations(steps []contract.StepProgress) []contract.CompensationProgress {
	var found []contract.CompensationProgress
	for _, step := range steps {
		if precaution := step.State == contract.StepSkipped; precaution && step.Compensation != nil && step.Compensation.State == contract.StepDone {
			continue
		}
		if step.Compensation != nil && !slices.ContainsFunc(found, func(other contract.CompensationProgress) bool {
			return other.Name == step.Compensation.Name
		}) {
			found = append(found, *step.Compensation)
		}
	}
	// The first of two steps is undone last.
	slices.Reverse(found)
	return found
}

func (n Narrator) compensation(undoing contract.CompensationProgress) string {
	marks := n.marks()
	switch undoing.State {
	case contract.StepDone:
		return fmt.Sprintf("%s undone: %-16s  %s", marks.undone, undoing.Name, undoneWords(undoing.Name))
	case contract.StepBlocked:
		return fmt.Sprintf("%s cannot be undone yet: %s waits for an operator: %s", marks.attention, undoing.Name, undoing.Error)
	default:
		return fmt.Sprintf("%s being undone: %s", marks.undone, undoing.Name)
	}
}

func reason(progress contract.StepProgress) string {
	if progress.Error == "" {
		return "no reason was given"
	}
	return progress.Error
}

// Outcome says in a few words where the order stands, and why.
func Outcome(order gatewayclient.Order) string {
	failed, hasFailed := order.FailedStep()
	waiting, waits := order.WaitingStep()
	switch {
	case order.Blocked():
		return "blocked, waits for an operator"
	case waits:
		return fmt.Sprintf("waits for %s, and is undone without one", replacement(waiting.Name))
	case order.Ended() && order.Status == gatewayclient.StatusShipped:
		return "shipped"
	case order.Ended() && hasFailed:
		return fmt.Sprintf("cancelled and undone, because %s failed: %s", failed.Name, reason(failed))
	case order.Ended():
		return "cancelled and undone, as was asked for"
	default:
		return "still " + string(order.Status)
	}
}

// replacement is what a step waits for that was refused.
func replacement(step string) string {
	switch step {
	case contract.StepChargePayment:
		return "another payment method"
	case contract.StepShipOrder:
		return "another address"
	default:
		return "a fix"
	}
}

// Step says in a few words where one step stands.
func Step(progress contract.StepProgress) string {
	text := progress.Name + " " + string(progress.State)
	if progress.Error != "" {
		text += ": " + progress.Error
	}
	return text
}
