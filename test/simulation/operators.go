package simulation

import (
	"context"
	"time"

	"orderflow/services/payment"
	"orderflow/workflows/contract"
)

const (
	// shift is how often operators look at an order.
	shift = 2 * time.Hour
	// patientRounds is how often they may look without bringing it to its end.
	patientRounds = 4
)

// attend lets operators look at the order now and then. They release it if it
// was forgotten, and decide about what is blocked.
func (r *run) attend() {
	r.env.RegisterDelayedCallback(func() {
		if r.env.IsWorkflowCompleted() {
			return
		}
		if progress, err := r.progress(); err == nil {
			r.rounds++
			r.decide(progress)
		}
		r.attend()
	}, shift)
}

func (r *run) decide(progress contract.Progress) {
	if progress.Hold != nil {
		r.tell(contract.UpdateRelease, contract.HoldRequest{Reason: "forgotten", RequestedBy: "ops-jane", Operator: true})
	}
	for _, step := range progress.Steps {
		undone := step.Compensation
		switch {
		case step.Name == contract.StepConfirmOrder:
			// It is undone with the creation.
		case undone != nil && undone.State == contract.StepBlocked:
			r.unblock(undone.Name, undone.Name != contract.UndoCreateOrder)
		case step.State == contract.StepBlocked:
			r.unblock(step.Name, false)
		}
	}
}

// unblock decides about a step or compensation that is blocked: by chance,
// until patience is over.
func (r *run) unblock(activity string, skippable bool) {
	request := contract.OperatorRequest{Step: activity, Reason: "looked into it", RequestedBy: "ops-jane"}
	chance := r.saga.Scenario.chance("decision about "+activity, r.rounds)
	switch {
	case r.rounds > patientRounds || chance < 0.2:
		if activity == contract.UndoChargePayment {
			r.talkToTheBank()
		}
		r.tell(contract.UpdateRetry, request)
	case chance < 0.4:
		r.tell(contract.UpdateRetry, request)
	case chance < 0.6 && skippable:
		r.settle(contract.UpdateSkip, request)
	case chance < 0.8 && skippable:
		r.settle(contract.UpdateResolve, request)
	}
}

// settle ends a compensation. Some operators then terminate the workflow too, at
// once or when their word is in the order's stream.
func (r *run) settle(update string, request contract.OperatorRequest) {
	r.tell(update, request)
	if number := r.number; r.saga.Scenario.chance("impatience", number) < 0.5 {
		delay := r.saga.Scenario.between("impatience", -number, 0, time.Second)
		r.env.RegisterDelayedCallback(func() { r.env.SignalWorkflow(terminate, nil) }, delay)
	}
}

// talkToTheBank makes the provider take refunds of this order.
func (r *run) talkToTheBank() {
	services := r.network.services
	services.Do(func() {
		err := services.Payments.SimulateRefunds(context.Background(), r.saga.Scenario.Order.OrderID, payment.AcceptRefunds)
		if err != nil {
			r.add(Entry{Kind: Told, Text: "the bank could not be reached: " + err.Error()})
		}
	})
}
