package domain

import (
	"errors"
	"fmt"
	"strings"

	"orderflow/services/order"
)

// ErrHistory reports a stream that no sequence of commands can have written.
// It is a defect of the data: the caller stops and tells an operator.
var ErrHistory = errors.New("impossible history")

// errUnchecked refuses the zero value of an argument, which no constructor has
// made: a defect of the caller.
var errUnchecked = errors.New("the argument was not made by its constructor")

// TransitionError reports a command that the order's state does not allow. It
// is final: the same command can only succeed after another one has.
type TransitionError struct {
	// Command is what was asked for: create, confirm, ship, cancel or
	// "intervene in".
	Command string
	// Status is where the order stands; empty when there is no order yet.
	Status order.Status
}

// Error says what was asked for and where the order stands.
func (e *TransitionError) Error() string {
	if e.Status == "" {
		return fmt.Sprintf("cannot %s an order that does not exist", e.Command)
	}
	return fmt.Sprintf("cannot %s an order that is %s", e.Command, e.Status)
}

// InvalidError reports arguments from which no valid order, shipment or
// cancellation can be made. It names every violation, not only the first.
type InvalidError struct {
	Violations []Violation
}

// Violation is one unacceptable part of the arguments.
type Violation struct {
	// Pointer is the JSON pointer (RFC 6901) of the part within its argument,
	// such as "/items/0/quantity".
	Pointer string
	// Detail is one sentence for people.
	Detail string
}

// Error lists the violations.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Violations))
	for i, violation := range e.Violations {
		parts[i] = violation.Pointer + " " + violation.Detail
	}
	return "invalid: " + strings.Join(parts, "; ")
}
