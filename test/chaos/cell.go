package chaos

import (
	"fmt"

	"orderflow/internal/faults/failpoint"
)

// Phase is when a fault meets a step, seen from the commit of its effect.
type Phase string

// The phases.
const (
	Before Phase = "before"
	During Phase = "during"
	After  Phase = "after"
)

// Phases lists them in their order.
func Phases() []Phase { return []Phase{Before, During, After} }

// Aim is a kind of fault that can be aimed at the call of a step.
type Aim string

// The aims.
const (
	KillService   Aim = "kill the service"
	KillWorker    Aim = "kill the worker"
	KillGateway   Aim = "kill the gateway"
	KillTemporal  Aim = "kill Temporal"
	KillConsul    Aim = "kill Consul"
	KillDatabase  Aim = "restart the database"
	StopService   Aim = "stop the service"
	StopWorker    Aim = "stop the worker"
	FillDisk      Aim = "fill the disk"
	DropCall      Aim = "drop the connection"
	CutCall       Aim = "cut the message in half"
	DelayCall     Aim = "delay beyond the timeout"
	PanicCall     Aim = "panic in the handler"
	PanicActivity Aim = "panic in the activity"
	Duplicate     Aim = "deliver twice"
	Late          Aim = "deliver after its undoing"
)

// Aims lists the faults of the matrix. What Temporal, Consul and the database
// are in the middle of when they die is theirs; the phase says what the step was
// in the middle of. Faults that last, and meet whatever comes, are no part of
// it: see Way.
func Aims() []Aim {
	return []Aim{
		KillService, KillWorker, KillGateway, KillTemporal, KillConsul, KillDatabase, StopService, StopWorker,
		FillDisk, DropCall, CutCall, DelayCall, PanicCall, PanicActivity, Duplicate, Late,
	}
}

// gathers reports whether the fault breaks what all orders share. One such fault
// can meet several orders, each in a cell of its own.
func (a Aim) gathers() bool {
	switch a {
	case KillWorker, KillGateway, KillTemporal, KillConsul, KillDatabase, StopWorker, FillDisk:
		return true
	default:
		return false
	}
}

// Cell is one fault at one step in one phase.
type Cell struct {
	Aim   Aim    `json:"aim"`
	Step  string `json:"step"`
	Phase Phase  `json:"phase"`
}

// String names the cell in one line.
func (c Cell) String() string { return fmt.Sprintf("%s, %s %s", c.Aim, c.Phase, c.Step) }

// Impossible is the reason why the cell cannot happen on a database; "" when it
// can.
func (c Cell) Impossible(database string) string {
	effect := effectOfStep(c.Step)
	switch {
	case c.Aim == KillDatabase && database == SQLite:
		return "SQLite has no server"
	case c.Aim == FillDisk && database != SQLite:
		return "the disk is the database server's"
	case c.Aim == Late && (effect.Undoes != "" || c.Step == Accept):
		return "nothing undoes it"
	case c.Aim == Late && !undone(c.Step):
		return "it is beyond the point of no return, or has no compensation"
	case c.Aim == Late && c.Phase != Before:
		return "what is late has not begun"
	case c.Step == Accept && c.Phase == During:
		return "the gateway has no transaction"
	case c.Step == Accept && (c.Aim == KillWorker || c.Aim == StopWorker || c.Aim == PanicActivity):
		return "no worker takes part"
	case c.Step == Accept && (c.Aim == KillDatabase || c.Aim == FillDisk):
		return "no database takes part"
	case c.Step == Accept && c.Aim == KillGateway:
		return "the gateway is the service of this step"
	case c.Aim == PanicActivity && c.Phase == During:
		return "the activity waits for its answer meanwhile"
	case c.Aim == CutCall && c.Phase == During:
		return "nothing is under way between the processes meanwhile"
	default:
		return ""
	}
}

// undone reports whether the step has a compensation of its own.
func undone(step string) bool {
	for _, effect := range Effects() {
		if effect.Undoes == step {
			return true
		}
	}
	return false
}

// Cells lists all that can happen on a database.
func Cells(database string) (cells []Cell) {
	for _, aim := range Aims() {
		for _, effect := range Effects() {
			for _, phase := range Phases() {
				if cell := (Cell{aim, effect.Step, phase}); cell.Impossible(database) == "" {
					cells = append(cells, cell)
				}
			}
		}
	}
	return cells
}

// failPoint is what the service does by itself in the cell: it breaks, or holds
// its transaction open while others break. Transaction is which commit is meant
// by "during".
func (c Cell) failPoint(transaction int) failpoint.Point {
	point := failpoint.Point{Phase: failpoint.Before}
	switch c.Phase {
	case During:
		point.Phase, point.Transaction = failpoint.Commit, transaction
	case After:
		point.Phase = failpoint.After
	default:
	}
	switch c.Aim {
	case KillService:
		point.Action = failpoint.Kill
	case StopService:
		point.Action = failpoint.Stop
	case DropCall:
		point.Action = failpoint.Drop
	case PanicCall:
		point.Action = failpoint.Panic
	case DelayCall:
		point.Action, point.Delay = failpoint.Delay, beyondTimeout
	default:
		// Somebody else is killed meanwhile, or the call comes again.
		point.Action, point.Delay = failpoint.Delay, heldOpen
	}
	return point
}
