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
	// Cell is what an Aimed fault is aimed at. It meets the first call of the
	// cell's step from At on.
	Cell Cell `json:"cell,omitzero"`
	// Transaction is the commit that "during" means.
	Transaction int `json:"transaction,omitempty"`
}

// String names the fault in one line.
func (f Fault) String() string {
	text := fmt.Sprintf("%3d %6.1fs  ", f.Number, f.At.Seconds())
	if f.Way == Aimed {
		text += f.Cell.String()
		if f.Cell.Phase == During {
			text += fmt.Sprintf(" (transaction %d)", f.Transaction)
		}
		return text
	}
	text += string(f.Way) + ": " + f.Target
	if f.Lasts > 0 {
		text += fmt.Sprintf(" for %.1fs", f.Lasts.Seconds())
	}
	return text
}

// aimedShare is how much of a schedule is aimed.
const aimedShare = 0.6

// Draw makes the schedule of a run. That of a defect is made to meet it.
func Draw(settings Settings) []Fault {
	if defect, found := DefectOf(settings.Defect); found {
		return defect.schedule(settings)
	}
	random := rand.New(rand.NewPCG(settings.Seed, 2))
	aimed := int(float64(settings.Faults) * aimedShare)
	hand := Deal(settings.Seed, settings.Database, aimed)
	schedule := make([]Fault, settings.Faults)
	for i := range schedule {
		if i < aimed {
			schedule[i] = aim(hand[i], random)
		} else {
			schedule[i] = drawUnaimed(settings, i-aimed, random)
		}
		from := float64(settings.Lasts) * faulty
		if i < aimed {
			from *= 0.8 // so that a call can still come
		}
		schedule[i].At = time.Duration(random.Int64N(int64(from)))
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

func aim(cell Cell, random *rand.Rand) Fault {
	fault := Fault{Way: Aimed, Cell: cell, Transaction: 1}
	if many := effectOfStep(cell.Step).Transactions; cell.Phase == During && many > 1 {
		fault.Transaction = 1 + random.IntN(many)
	}
	return fault
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
		fault.Target, fault.Lasts = smallDisk, duration(settings, random, 5*time.Second, 15*time.Second)
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
