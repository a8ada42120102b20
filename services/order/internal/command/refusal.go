package command

import (
	"errors"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

// refusal gives the domain's refusals the form in which they leave the
// process. Other errors stay as they are.
func refusal(err error) error {
	var transition *domain.TransitionError
	if !errors.As(err, &transition) {
		return err
	}
	switch {
	case transition.Status == "":
		return problem.New(problem.NotFound, "there is no such order").WithCause(err)
	case transition.Command == "cancel" && transition.Status == order.Shipped:
		return problem.New(problem.TooLate, "the order has shipped").WithCause(err)
	default:
		return problem.New(problem.Conflict, transition.Error()).WithCause(err)
	}
}

// unacceptable gives a *domain.InvalidError the form in which it leaves the
// process. At is the JSON pointer of the argument within the request.
func unacceptable(at string, err error) error {
	var invalid *domain.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	var violations problem.Violations
	for _, violation := range invalid.Violations {
		violations.Add(at+violation.Pointer, "%s", violation.Detail)
	}
	return violations.Err()
}

// one makes a decision out of a command that decides a single event.
func one[E domain.Event](event E, err error) ([]domain.Event, error) {
	if err != nil {
		return nil, err
	}
	return []domain.Event{event}, nil
}
