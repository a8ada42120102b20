package chaos

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"orderflow/internal/devstack"
)

// Way is how something breaks.
type Way string

// The ways. Aimed is a fault of the matrix; the others happen at their time,
// whatever goes on.
const (
	Aimed         Way = "aimed"
	Killed        Way = "killed"
	Frozen        Way = "frozen"
	Latency       Way = "latency"
	Reset         Way = "reset"
	HalfClosed    Way = "half-closed"
	Silent        Way = "silent"
	Narrow        Way = "narrow"
	SlowProjector Way = "slow projector"
	DeadProjector Way = "killed projector" // in the middle of a transaction
	FullDisk      Way = "full disk"
	Overloaded    Way = "overloaded"
)

// Fault is a line of the schedule.
type Fault struct {
	Number int           `json:"number"`
	At     time.Duration `json:"at"`
	Way    Way           `json:"way"`
	// Target is a process, or the service whose wire is meant.
	Target string        `json:"target,omitempty"`
	Lasts  time.Duration `json:"lasts,omitempty"`
	// Cells are what an Aimed fault is aimed at: one, or several of a kind that
	// it meets at one moment. It waits for calls of their steps from At on.
	Cells []Cell `json:"cells,omitempty"`
	// Transaction is the commit of the background that is meant.
	Transaction int `json:"transaction,omitempty"`
}

// String names the fault in one line.
func (f Fault) String() string {
	text := fmt.Sprintf("%3d %6.1fs  ", f.Number, f.At.Seconds())
	if f.Way == Aimed {
		for i, cell := range f.Cells {
			if i == 0 {
				text += string(cell.Aim)
			}
			text += fmt.Sprintf(", %s %s", cell.Phase, cell.Step)
		}
		return text
	}
	text += string(f.Way) + ": " + f.Target
	if f.Lasts > 0 {
		text += fmt.Sprintf(" for %.1fs", f.Lasts.Seconds())
	}
	return text
}

// unaimedCount is how many faults of a schedule are not aimed: each way once, if
// the schedule is not too short for that.
func unaimedCount(faults int) int { return min(len(unaimed()), faults*2/5) }

// Draw makes the schedule of a run, with cells from the deck. That of a defect
// is made to meet it.
func Draw(settings Settings, deck *Deck) []Fault {
	if defect, found := DefectOf(settings.Defect); found {
		return defect.schedule(settings)
	}
	random := rand.New(rand.NewPCG(settings.Seed, 2))
	aimed := settings.Faults - unaimedCount(settings.Faults)
	schedule := make([]Fault, settings.Faults)
	for i := range schedule {
		over := float64(settings.Lasts) * faulty
		if i < aimed {
			// One after the other, and early enough for a call to come.
			schedule[i] = Fault{Way: Aimed, Cells: deck.Deal(), At: time.Duration(over * 0.9 * float64(i) / float64(aimed))}
			continue
		}
		schedule[i] = drawUnaimed(settings, i-aimed, random)
		schedule[i].At = time.Duration(random.Int64N(int64(over * 0.95)))
	}
	return numbered(schedule)
}

// numbered sorts a schedule by time and numbers it.
func numbered(schedule []Fault) []Fault {
	slices.SortStableFunc(schedule, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	for i := range schedule {
		schedule[i].Number = i + 1
	}
	return schedule
}

// unaimed are the ways of faults that meet whatever goes on. They take turns, so
// that also a short run has each.
func unaimed() []Way {
	return []Way{Killed, Latency, Frozen, Reset, Killed, Narrow, Overloaded, HalfClosed, SlowProjector, FullDisk, DeadProjector, Silent}
}

func drawUnaimed(settings Settings, turn int, random *rand.Rand) Fault {
	ways := unaimed()
	fault := Fault{Way: ways[(turn+int(settings.Seed%uint64(len(ways))))%len(ways)]}
	processes := append(devstack.Services(), worker, gateway, "temporal", "consul")
	wires := append(devstack.Services(), gateway)
	switch fault.Way {
	case Killed:
		fault.Target = processes[random.IntN(len(processes))]
	case Frozen:
		fault.Target, fault.Lasts = processes[random.IntN(len(processes))], duration(settings, random, 5*time.Second, 30*time.Second)
	case SlowProjector:
		fault.Target, fault.Lasts = orderService, duration(settings, random, 5*time.Second, 20*time.Second)
	case DeadProjector:
		fault.Target, fault.Transaction = orderService, 1+random.IntN(3)
	case FullDisk:
		fault.Target, fault.Lasts = "of all services", duration(settings, random, 5*time.Second, 15*time.Second)
	case Overloaded:
		fault.Target, fault.Lasts = gateway, 3*time.Second
	default:
		fault.Target, fault.Lasts = wires[random.IntN(len(wires))], duration(settings, random, 3*time.Second, 15*time.Second)
	}
	return fault
}

// duration is a fifth in a short run.
func duration(settings Settings, random *rand.Rand, from, to time.Duration) time.Duration {
	drawn := from + time.Duration(random.Int64N(int64(to-from)))
	if settings.brief() {
		return drawn / 5
	}
	return drawn
}
