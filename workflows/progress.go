package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// progress is the table of steps that the progress query answers with, that
// the Temporal UI shows as current details, and that the order's history keeps
// as the outcome. It adds nothing to the workflow's history.
type progress struct {
	contract.Progress
	// waiting says for a step under way what it waits for; it is shown in the
	// Temporal UI only.
	waiting map[string]string
	// cause says why the order is undone, and decisions what people decided
	// about it; they are shown there, too.
	cause     string
	decisions []string
}

// forTheOthers is what the last compensation does until all others have ended.
const forTheOthers = "waits for the others"

// compensationOf names the activity that undoes a step. ConfirmOrder is undone
// by CancelOrder; what comes after the point of no return is never undone.
var compensationOf = map[string]string{
	contract.StepCreateOrder:      contract.UndoCreateOrder,
	contract.StepReserveInventory: contract.UndoReserveInventory,
	contract.StepChargePayment:    contract.UndoChargePayment,
	contract.StepConfirmOrder:     contract.UndoCreateOrder,
	contract.StepShipOrder:        contract.UndoShipOrder,
}

func newProgress(orderID string) *progress {
	p := &progress{
		Progress: contract.Progress{OrderID: orderID, State: contract.SagaRunning},
		waiting:  map[string]string{},
	}
	for _, name := range contract.Steps() {
		p.Steps = append(p.Steps, contract.StepProgress{Name: name, State: contract.StepPending})
	}
	return p
}

func (p *progress) step(name string) *contract.StepProgress {
	at := slices.IndexFunc(p.Steps, func(s contract.StepProgress) bool { return s.Name == name })
	return &p.Steps[at]
}

// retrying says what a step waits for.
func (p *progress) retrying(name, queue string) {
	p.waiting[name] = "retrying on task queue " + queue
}

func (p *progress) fail(name, reason string) {
	step := p.step(name)
	step.State, step.Error = contract.StepFailed, reason
}

func (p *progress) beginUndo(name string) {
	if p.State != contract.SagaBlocked {
		p.State = contract.SagaCompensating
	}
	p.eachUndoneWith(name, func(step *contract.StepProgress) {
		if step.State == contract.StepDone {
			step.State = contract.StepCompensating
		}
		step.Compensation = &contract.CompensationProgress{Name: compensationOf[name], State: contract.StepRunning}
	})
}

func (p *progress) endUndo(name string) {
	p.eachUndoneWith(name, func(step *contract.StepProgress) {
		if step.Compensation == nil {
			return // there was nothing to undo
		}
		if stands(step) {
			step.State = contract.StepCompensated
		}
		// What kept it from its turn stays: it explains the order in which the
		// compensations came.
		step.Compensation.State, step.Compensation.Resolution = contract.StepDone, ""
	})
}

// delayUndo says why a compensation comes later than its turn.
func (p *progress) delayUndo(name, reason string) {
	p.eachUndoneWith(name, func(step *contract.StepProgress) { step.Compensation.Error = reason })
}

func (p *progress) blockUndo(name, reason string) {
	p.eachUndoneWith(name, func(step *contract.StepProgress) {
		if stands(step) {
			step.State = contract.StepBlocked
		}
		step.Compensation.State, step.Compensation.Error = contract.StepBlocked, reason
	})
}

// resolveUndo ends a blocked compensation: done, by itself or by hand, or
// given up. Then the effect of the step stays.
func (p *progress) resolveUndo(name string, as contract.StepState, resolution string) {
	if as == contract.StepDone && resolution == "" {
		p.endUndo(name)
		return
	}
	p.eachUndoneWith(name, func(step *contract.StepProgress) {
		switch {
		case !stands(step):
		case as == contract.StepSkipped:
			step.State = contract.StepDone
		default:
			step.State = contract.StepCompensated
		}
		step.Compensation.State, step.Compensation.Resolution = as, resolution
	})
}

// eachUndoneWith visits the step and, for the creation of the order, its
// confirmation, if they were tried.
func (p *progress) eachUndoneWith(name string, visit func(*contract.StepProgress)) {
	for i := range p.Steps {
		step := &p.Steps[i]
		if compensationOf[step.Name] == compensationOf[name] && step.State != contract.StepPending {
			visit(step)
		}
	}
}

// stands reports whether the state of a step follows that of its compensation.
// That of a step which failed does not, nor that of one which the order has not
// come to, and which is undone because a lost task may have taken it.
func stands(step *contract.StepProgress) bool {
	return step.State != contract.StepFailed && step.State != contract.StepSkipped
}

// passBy says that the order does not take the step any more, but that what
// undoes it is run.
func (p *progress) passBy(name string) {
	if step := p.step(name); step.State == contract.StepPending {
		step.State = contract.StepSkipped
	}
}

// doneUntil says that the steps have happened, up to this one.
func (p *progress) doneUntil(name string) {
	for i := range p.Steps {
		p.Steps[i].State, p.Steps[i].Error = contract.StepDone, ""
		if p.Steps[i].Name == name {
			return
		}
	}
}

func (p *progress) skipPending() {
	for i := range p.Steps {
		if p.Steps[i].State == contract.StepPending && p.Steps[i].Name != contract.StepNotifyCustomer {
			p.Steps[i].State = contract.StepSkipped
		}
	}
}

// snapshot is a copy that later steps do not change.
func (p *progress) snapshot() contract.Progress {
	copied := p.Progress
	copied.Steps = slices.Clone(p.Steps)
	for i := range copied.Steps {
		if undone := copied.Steps[i].Compensation; undone != nil {
			copied.Steps[i].Compensation = new(*undone)
		}
	}
	if p.Hold != nil {
		copied.Hold = new(*p.Hold)
	}
	return copied
}

// outcome is the progress as it will be once the recording of it, by
// CompleteOrder or CancelOrder, has succeeded. The message to the customer
// comes later and is no part of it.
func (p *progress) outcome(state contract.SagaState) order.Saga {
	final := progress{Progress: p.snapshot()}
	if state == contract.SagaCompensated {
		final.endUndo(contract.StepCreateOrder)
		final.skipPending()
	} else {
		final.step(contract.StepCompleteOrder).State = contract.StepDone
	}
	saga := order.Saga{State: order.SagaState(state)}
	for _, step := range final.Steps {
		if step.Name == contract.StepNotifyCustomer {
			continue
		}
		recorded := order.SagaStep{Name: step.Name, State: string(step.State), Error: step.Error}
		if undone := step.Compensation; undone != nil {
			recorded.Compensation = &order.Compensation{
				Name: undone.Name, State: string(undone.State), Error: undone.Error, Resolution: undone.Resolution,
			}
		}
		saga.Steps = append(saga.Steps, recorded)
	}
	return saga
}

// publish shows the table in the Temporal UI as the workflow's current
// details.
func (p *progress) publish(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, p.markdown())
}

func (p *progress) markdown() string {
	var text strings.Builder
	text.WriteString("**" + string(p.State) + "**")
	if p.cause != "" {
		text.WriteString(": " + cell(p.cause))
	}
	if p.Hold != nil {
		text.WriteString(", on hold since " + p.Hold.Since.UTC().Format(time.RFC3339) + " by " + cell(p.Hold.By) + ": " + cell(p.Hold.Reason))
	}
	p.advise(&text)
	text.WriteString("\n\n| Step | State | Compensation |\n|---|---|---|\n")
	for _, step := range p.Steps {
		text.WriteString("| " + step.Name + " | " + string(step.State))
		switch {
		case step.Error != "":
			text.WriteString(": " + cell(step.Error))
		case step.State == contract.StepRunning && p.waiting[step.Name] != "":
			text.WriteString(": " + p.waiting[step.Name])
		}
		text.WriteString(" | ")
		if step.Compensation != nil {
			text.WriteString(p.undone(*step.Compensation))
		}
		text.WriteString(" |\n")
	}
	for _, decision := range p.decisions {
		text.WriteString("\n- " + cell(decision))
	}
	return text.String()
}

// decided keeps a person's decision for the Temporal UI.
func (p *progress) decided(at time.Time, action, step, by, reason string) {
	what := strings.TrimSpace(action + " " + step)
	p.decisions = append(p.decisions, at.UTC().Format(time.RFC3339)+" "+what+" by "+by+": "+plain(reason))
}

// rowOf is where it shows that a call waits. Questions about how far the order is
// have no row of their own: they are asked at the carrier's step.
func (p *progress) rowOf(name string) string {
	switch {
	case name == contract.FindShipment, name == contract.FindPayment,
		name == contract.StepCommitInventory && p.step(name).State != contract.StepRunning:
		return contract.StepShipOrder
	default:
		return name
	}
}

// undone says how far a compensation is.
func (p *progress) undone(c contract.CompensationProgress) string {
	switch {
	case c.Resolution != "" && c.Error != "":
		return c.Name + ": " + cell(c.Resolution) + " (" + cell(c.Error) + ")"
	case c.Resolution != "":
		return c.Name + ": " + cell(c.Resolution)
	case c.State == contract.StepDone:
		return c.Name + ": done"
	case p.waiting[c.Name] == forTheOthers:
		return c.Name + ": " + forTheOthers
	case p.waiting[c.Name] != "":
		return c.Name + ": " + string(c.State) + ": " + p.waiting[c.Name]
	case c.Error != "":
		return c.Name + ": " + string(c.State) + ": " + cell(c.Error)
	default:
		return c.Name + ": " + string(c.State)
	}
}

// advise says what people can do about an order that waits for them.
func (p *progress) advise(text *strings.Builder) {
	again := func(what, verbs string) {
		text.WriteString("\n\n" + what + " has failed and is tried again from time to time. For operators: " +
			"`POST /v1/ops/orders/" + p.OrderID + "/compensations/" + what + "/" + verbs + "`.")
	}
	if p.Hold != nil {
		text.WriteString("\n\nIt goes on with `POST /v1/orders/" + p.OrderID + "/release`.")
	}
	for _, step := range p.Steps {
		undone := step.Compensation
		switch {
		case step.State == contract.StepWaiting:
			text.WriteString("\n\n" + step.Name + " was refused. It goes on with `POST /v1/orders/" + p.OrderID + "/fix`, or is undone when its time is up.")
		case undone != nil && undone.State == contract.StepBlocked && undone.Name == contract.UndoCreateOrder:
			if step.Name == contract.StepCreateOrder {
				again(undone.Name, "retry")
			}
		case undone != nil && undone.State == contract.StepBlocked:
			again(undone.Name, "{retry,skip,resolve}")
		case undone == nil && step.State == contract.StepBlocked:
			again(step.Name, "retry")
		}
	}
}

var cellReplacer = strings.NewReplacer("|", "\\|", "\n", " ", "\r", " ")

// cell keeps a text inside its table cell.
func cell(text string) string { return cellReplacer.Replace(text) }
