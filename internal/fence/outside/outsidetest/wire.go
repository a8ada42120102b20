// Package outsidetest puts a wire between a service and its provider in a test,
// on which things happen. Nothing of the product imports it.
package outsidetest

import (
	"context"
	"errors"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
)

// ErrBroken is what a call over a broken wire ends with.
var ErrBroken = errors.New("connection reset")

// Point is a place in a call of the provider where something can happen.
type Point string

// Unnoticed is a point where nothing happens.
const Unnoticed Point = ""

// Wire is between one process and the provider: at each point a test may fail
// the call, as a crash of the caller or of the wire would, or let another
// process go first. The zero value lets everything pass.
type Wire struct {
	// At is asked at each point.
	At func(Point) error
	// Calls are the points that were reached, in their order.
	Calls []Point
}

func (w *Wire) reach(at Point) error {
	if at == Unnoticed {
		return nil
	}
	w.Calls = append(w.Calls, at)
	if w.At == nil {
		return nil
	}
	return w.At(at)
}

// Through makes a call over the wire, with a point on either side of it. What
// fails before it has no effect at the provider; what fails after it has.
func Through[Outcome any](w *Wire, before, after Point, call func() (Outcome, error)) (Outcome, error) {
	if err := w.reach(before); err != nil {
		var none Outcome
		return none, err
	}
	outcome, err := call()
	return outcome, errors.Join(err, w.reach(after))
}

// FailOnce breaks the wire at the point, once.
func FailOnce(at Point) func(Point) error {
	broken := false
	return func(here Point) error {
		if here != at || broken {
			return nil
		}
		broken = true
		return ErrBroken
	}
}

// FenceState returns where a key stands that the service has seen.
func FenceState(t require.TestingT, db *sqlstore.DB, key fence.Key) (state fence.State) {
	err := db.Reader().QueryRowContext(context.Background(), `
		SELECT state FROM fence WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision).Scan(&state)
	require.NoError(t, err)
	return state
}
