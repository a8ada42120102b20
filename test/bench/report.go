package bench

import (
	"fmt"
	"time"
)

// Report is what a run has found.
type Report struct {
	Settings Settings
	Machine  Machine
	Took     time.Duration
	// Memory is the most that each process had, in bytes, up to the end of the
	// latencies.
	Memory map[string]uint64
	// Micro is what benchstat says.
	Micro string

	turns     map[row][]turn
	histories map[string][]history
	reads     map[read][]time.Duration
}

// row is what all turns of one line of a table have in common.
type row struct {
	side        string
	outstanding int
	// variant is the number of workers or of stored orders; "" outside those
	// tables.
	variant string
}

// sideNames are the sides in the order of the tables' columns.
func sideNames() []string { return []string{floorFour, floorSteps, durableWay, asShipped} }

// Missing names what was not measured, or came out as nothing.
func (r *Report) Missing() []string {
	var missing []string
	need := func(there bool, format string, args ...any) {
		if !there {
			missing = append(missing, fmt.Sprintf(format, args...))
		}
	}
	needTurns := func(wanted row, rounds int) {
		turns := r.turns[wanted]
		need(len(turns) == rounds, "%d of %d turns of %v", len(turns), rounds, wanted)
		for _, t := range turns {
			need(t.perSecond() > 0 && quantile(t.ended, 0) > 0, "the times of %v", wanted)
		}
	}
	for _, name := range sideNames() {
		for _, outstanding := range []int{r.Settings.Outstanding, r.Settings.FewOutstanding, 1} {
			needTurns(row{side: name, outstanding: outstanding}, r.Settings.Rounds)
		}
		need(len(r.histories[name]) > 0, "the history of %s", name)
		for _, found := range r.histories[name] {
			need(found.events > 0 && found.bytes > 0, "the history of %s", name)
		}
	}
	for _, count := range r.Settings.Workers {
		needTurns(row{asShipped, r.Settings.Outstanding, workersVariant(count)}, r.Settings.GrowthRounds)
	}
	for _, count := range r.Settings.Stored {
		for _, name := range []string{floorSteps, asShipped} {
			needTurns(row{name, r.Settings.Outstanding, storedVariant(count)}, r.Settings.GrowthRounds)
		}
		for _, what := range reads() {
			need(len(r.reads[read{what, count}]) == readsEach, "reads of %s of %d", what, count)
		}
	}
	for _, name := range processNames(r.Memory) {
		need(r.Memory[name] > 0, "the memory of %s", name)
	}
	need(r.Micro != "", "the micro benchmarks")
	return missing
}

func reads() []string { return []string{readOrder, readPage, readLastPage} }

// rates are the orders per second of each round.
func (r *Report) rates(of row) []float64 {
	var rates []float64
	for _, t := range r.turns[of] {
		rates = append(rates, t.perSecond())
	}
	return rates
}

// medians are the p50 from acceptance to end of each round, in seconds.
func (r *Report) medians(of row) []float64 {
	var medians []float64
	for _, t := range r.turns[of] {
		medians = append(medians, quantile(t.ended, 0.5).Seconds())
	}
	return medians
}

// ended are all times from acceptance to end.
func (r *Report) ended(of row) []time.Duration {
	var all []time.Duration
	for _, t := range r.turns[of] {
		all = append(all, t.ended...)
	}
	return all
}

// whole are all times from sending to end.
func (r *Report) whole(of row) []time.Duration {
	var all []time.Duration
	for _, t := range r.turns[of] {
		for i := range t.ended {
			all = append(all, t.accepted[i]+t.ended[i])
		}
	}
	return all
}

// cpuPerThousand are the CPU seconds that a process used for 1,000 orders.
func (r *Report) cpuPerThousand(of row, process string) float64 {
	var used time.Duration
	orders := 0
	for _, t := range r.turns[of] {
		used += t.cpu[process]
		orders += t.orders
	}
	return used.Seconds() / float64(orders) * 1000
}

// elsewhere is the share of the machine that others used, in the median and at
// most.
func (r *Report) elsewhere() spread {
	var shares []float64
	for _, turns := range r.turns {
		for _, t := range turns {
			shares = append(shares, 100*t.elsewhere)
		}
	}
	return spreadOf(shares)
}
