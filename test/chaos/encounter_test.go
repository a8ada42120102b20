package chaos

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func cellsAt(phase Phase, steps ...string) (cells []Cell) {
	for _, step := range steps {
		cells = append(cells, Cell{KillTemporal, step, phase})
	}
	return cells
}

func TestCallsJoinTheMostSeldomOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		called := map[string]int{"CreateOrder": 9, "ShipOrder": 5, "CancelShipment": 1}
		e := newEncounter(Fault{Cells: cellsAt(Before, "CreateOrder", "CancelShipment", "ShipOrder")}, called)
		join := func(step string) (joined, first bool) {
			meeting, first := e.join(step, "order-1")
			return meeting != nil, first
		}
		for _, step := range []struct {
			name          string
			joined, first bool
			after         time.Duration
		}{
			{"CreateOrder", false, false, 0}, // often enough: it can wait
			{"ChargePayment", false, false, 0},
			{"CancelShipment", true, true, time.Second},
			{"CreateOrder", true, false, joinedWithin / 2},
			{"CreateOrder", false, false, 0}, // its cell is taken
			{"ShipOrder", false, false, joinedWithin},
		} {
			<-time.After(step.after)
			joined, first := join(step.name)
			assert.Equal(t, step.joined, joined, step.name)
			assert.Equal(t, step.first, first, step.name)
		}
		assert.False(t, e.give())
		e.reach(e.met[e.fault.Cells[1]], "")
		e.strike(func() error { assert.True(t, e.isStriking()); return nil })
		assert.Equal(t, []Meeting{
			{Cell: e.fault.Cells[0], OrderID: "order-1"},
			{Cell: e.fault.Cells[1], OrderID: "order-1", Reached: true},
			{Cell: e.fault.Cells[2], Missed: "no call of its step came in time"},
		}, e.meetings())
	})
}

func TestAFaultDoesNotWaitForASeldomStepForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEncounter(Fault{Cells: cellsAt(After, "CreateOrder", "CancelShipment")}, map[string]int{"CreateOrder": 1})
		<-time.After(seldomFirst)
		meeting, first := e.join("CreateOrder", "")
		require.NotNil(t, meeting)
		assert.True(t, first)
		e.reach(meeting, "")
		e.strike(func() error { return errors.New("it did not run") })
		assert.False(t, e.meetings()[0].Reached, "the fault itself has failed")
	})
}

func TestAFaultThatNobodyMetIsOver(t *testing.T) {
	e := newEncounter(Fault{Cells: cellsAt(Before, "ShipOrder")}, nil)
	assert.True(t, e.give())
	meeting, _ := e.join("ShipOrder", "")
	assert.Nil(t, meeting)
}
