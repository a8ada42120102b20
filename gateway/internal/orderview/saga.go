package orderview

import (
	"context"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// Saga returns the public form of what a running saga tells about itself. A
// final state is not shown as one: it is final only when the order service says
// so, because only then do the other parts agree.
func (r *Reader) Saga(ctx context.Context, progress contract.Progress) *Saga {
	saga := publicSaga(progress)
	r.leaveNamesOut(ctx, saga)
	return saga
}

// told is what the workflow told about itself.
type told struct {
	saga *Saga
	// complete is false when no worker answered; saga has no steps then.
	complete bool
	// ended says that the workflow calls its state final.
	ended bool
}

// saga asks the workflow how far it is, and Temporal when no worker answers.
func (r *Reader) saga(ctx context.Context, orderID string) told {
	if progress, err := r.Workflows.Progress(ctx, orderID); err == nil {
		return told{saga: publicSaga(progress), complete: true, ended: order.SagaState(progress.State).Final()}
	}
	saga := &Saga{State: order.SagaRunning, Steps: []order.SagaStep{}}
	found, err := r.Workflows.Find(ctx, orderID)
	if err != nil {
		return told{saga: saga}
	}
	saga.State = notYetFinal(found.State)
	return told{saga: saga, ended: order.SagaState(found.State).Final()}
}

func publicSaga(progress contract.Progress) *Saga {
	saga := &Saga{State: notYetFinal(progress.State), Steps: publicSteps(progress.Steps)}
	if hold := progress.Hold; hold != nil {
		saga.Hold = &Hold{Since: hold.Since, Reason: hold.Reason, By: hold.By}
	}
	return saga
}

func publicSteps(progress []contract.StepProgress) []order.SagaStep {
	steps := make([]order.SagaStep, 0, len(progress))
	for _, step := range progress {
		if step.Name == contract.StepNotifyCustomer {
			continue // it comes after the end, and no record of the saga has it
		}
		public := order.SagaStep{Name: step.Name, State: string(step.State), Error: step.Error}
		if undo := step.Compensation; undo != nil {
			public.Compensation = &order.Compensation{
				Name: undo.Name, State: string(undo.State), Error: undo.Error, Resolution: undo.Resolution,
			}
		}
		steps = append(steps, public)
	}
	return steps
}

func notYetFinal(state contract.SagaState) order.SagaState {
	switch state {
	case contract.SagaCompleted:
		return order.SagaRunning
	case contract.SagaCompensated:
		return order.SagaCompensating
	default:
		return order.SagaState(state)
	}
}

// leaveNamesOut takes out of a saga who decided something about it, unless the
// caller may know.
func (r *Reader) leaveNamesOut(ctx context.Context, saga *Saga) {
	if saga == nil {
		return
	}
	may := func(subject string) bool { return r.MayName != nil && r.MayName(ctx, subject) }
	if saga.Hold != nil && !may(saga.Hold.By) {
		saga.Hold.By = ""
	}
	if !may("") {
		saga.Steps = withoutResolutions(saga.Steps)
	}
}

// withoutResolutions copies the steps without what operators said of them, in
// words that were not meant for customers.
func withoutResolutions(steps []order.SagaStep) []order.SagaStep {
	public := make([]order.SagaStep, 0, len(steps))
	for _, step := range steps {
		if step.Compensation != nil {
			undo := *step.Compensation
			undo.Resolution = ""
			step.Compensation = &undo
		}
		public = append(public, step)
	}
	return public
}
