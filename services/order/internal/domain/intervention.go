package domain

import (
	"slices"
	"time"

	"orderflow/services/order"
)

const maxInterventionReasonLength = 500

// Intervention is what a person decided about an order's saga, checked. Only
// NewIntervention makes one that Intervene accepts.
type Intervention struct {
	content OrderIntervened
}

// interventionActions are the decisions that can be recorded, and whether each
// is about one step of the saga. The others are about the order as a whole.
var interventionActions = map[order.InterventionAction]bool{
	order.InterventionRetry:   true,
	order.InterventionSkip:    true,
	order.InterventionResolve: true,
	order.InterventionFix:     true,
	order.InterventionHold:    false,
	order.InterventionRelease: false,
}

// NewIntervention checks that the action is known, that it names a step exactly
// when it is about one, and that there are an actor, a reason of 1 to 500
// characters and a time. Its error is an *InvalidError. The time is kept in UTC
// with microseconds.
func NewIntervention(i order.Intervention) (Intervention, error) {
	var v validator
	switch ofStep, known := interventionActions[i.Action]; {
	case !known:
		v.add("/action", "must be one of %v", sortedActions())
	case ofStep:
		v.line("/step", i.Step)
	case i.Step != "":
		v.add("/step", "must be absent, as a %s is about the whole order", i.Action)
	}
	v.line("/actor", i.Actor)
	v.lineOf("/reason", i.Reason, maxInterventionReasonLength)
	if i.At.IsZero() {
		v.add("/at", "is required")
	}
	if err := v.err(); err != nil {
		return Intervention{}, err
	}
	return Intervention{content: OrderIntervened{
		Action: i.Action,
		Step:   i.Step,
		Actor:  i.Actor,
		Reason: i.Reason,
		At:     i.At.UTC().Truncate(time.Microsecond),
	}}, nil
}

func sortedActions() []order.InterventionAction {
	var actions []order.InterventionAction
	for action := range interventionActions {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	return actions
}
