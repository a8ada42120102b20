package bench

import (
	"fmt"
	"time"

	"orderflow/workflows/contract"
)

// Settings say how much is measured.
type Settings struct {
	// Rounds is how often each side has its turn. Medians are those of rounds.
	Rounds int
	// Orders are those of one turn at saturation, Outstanding of them at once,
	// after a Lead that is not counted.
	Orders, Outstanding int
	Lead                time.Duration
	// Few orders, FewOutstanding at once, and Single ones, one after the other,
	// are those of one turn for latencies.
	Few, FewOutstanding, Single int
	// Workers are the numbers of worker processes that are compared with the
	// first of them.
	Workers []int
	// Stored are the numbers of stored orders that the system is grown to, in
	// rising order.
	Stored []int
	// GrowthRounds is Rounds for Workers and Stored.
	GrowthRounds int
	// MicroTime and MicroCount are -benchtime and -count of the micro
	// benchmarks. MicroFirst runs the first of them only.
	MicroTime  string
	MicroCount int
	MicroFirst bool
}

// Full is what docs/benchmarks.md shows. It takes less than 20 minutes on two
// cores.
func Full() Settings {
	return Settings{
		Rounds: 5, Orders: 200, Outstanding: 50, Lead: contract.AttemptTimeout + time.Second,
		Few: 100, FewOutstanding: 10, Single: 40,
		Workers: []int{1, 2, 4}, Stored: []int{1_000, 10_000, 100_000}, GrowthRounds: 3,
		MicroTime: "0.3s", MicroCount: 6,
	}
}

// Brief measures everything, and proves nothing but that it can be measured.
func Brief() Settings {
	return Settings{
		Rounds: 1, Orders: 8, Outstanding: 4, Lead: time.Millisecond,
		Few: 4, FewOutstanding: 2, Single: 2,
		Workers: []int{1, 2}, Stored: []int{10, 20}, GrowthRounds: 1,
		MicroTime: "1x", MicroCount: 1, MicroFirst: true,
	}
}

// Validate returns the first thing that is wrong.
func (s Settings) Validate() error {
	for what, number := range map[string]int{
		"rounds": s.Rounds, "orders": s.Orders, "outstanding": s.Outstanding, "few": s.Few, "few outstanding": s.FewOutstanding,
		"single": s.Single, "growth rounds": s.GrowthRounds, "micro count": s.MicroCount,
	} {
		if number < 1 {
			return fmt.Errorf("the benchmark needs at least one of %s, not %d", what, number)
		}
	}
	return nil
}

// turnTimeout ends a turn that hangs.
const turnTimeout = 5 * time.Minute
