package bench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Markdown is the report as docs/benchmarks.md shows it.
func (r *Report) Markdown() string {
	var text strings.Builder
	for _, part := range []func(*strings.Builder){
		r.writeMachine, r.writeRatios, r.writeThroughput, r.writeLatency, r.writeHistory,
		r.writeCPU, r.writeWorkers, r.writeStored, r.writeMicro,
	} {
		part(&text)
	}
	return text.String()
}

func (r *Report) writeMachine(text *strings.Builder) {
	m, s := r.Machine, r.Settings
	elsewhere := r.elsewhere()
	writeTable(text, "", []string{"What", "Value"}, [][]string{
		{"Machine", fmt.Sprintf("%s, %d cores, %.0f GiB, Linux %s", m.CPU, m.Cores, float64(m.Memory)/(1<<30), m.Kernel)},
		{"Versions", fmt.Sprintf("%s, Temporal CLI %s, Consul %s, orderflow %s", m.Go, m.Temporal, m.Consul, cmp.Or(m.Commit, "without history"))},
		{"CPU used by others during a turn", fmt.Sprintf("%.0f %% in the median, %.0f %% at most", elsewhere.median, elsewhere.most)},
		{"Rounds", fmt.Sprintf("%d, of workers and stored orders %d; each round gives each side its turn, every other one the other way round", s.Rounds, s.GrowthRounds)},
		{"Orders of a turn", fmt.Sprintf("%d at %d outstanding, after %s that are not counted; %d at %d, %d at 1", s.Orders, s.Outstanding, s.Lead, s.Few, s.FewOutstanding, s.Single)},
		{"Settings", "those of `make run`, but rate limits lifted (`" + strings.Join(unlimited, "`, `") + "`); the durable way: `ORDERFLOW_FAST_WAY=off`"},
		{"Took", r.Took.Round(time.Second).String()},
	})
}

func (r *Report) writeRatios(text *strings.Builder) {
	var rows [][]string
	full, one := r.Settings.Outstanding, 1
	for _, ours := range []string{durableWay, asShipped} {
		for _, base := range []string{floorFour, floorSteps} {
			rows = append(rows, []string{
				ours + " / " + base,
				ratios(r.rates(row{side: ours, outstanding: full}), r.rates(row{side: base, outstanding: full})).String(),
				ratios(r.medians(row{side: ours, outstanding: one}), r.medians(row{side: base, outstanding: one})).String(),
				ratios(r.medians(row{side: ours, outstanding: r.Settings.FewOutstanding}), r.medians(row{side: base, outstanding: r.Settings.FewOutstanding})).String(),
			})
		}
	}
	writeTable(text, "Ratios", []string{
		"Ratio", fmt.Sprintf("Orders per second at %d outstanding", full),
		"p50 from acceptance to end at 1", fmt.Sprintf("p50 at %d", r.Settings.FewOutstanding),
	}, rows)
	text.WriteString("Medians of the rounds' ratios, with the least and the greatest. More is better for orders per second, less for p50.\n\n")
}

func (r *Report) writeThroughput(text *strings.Builder) {
	var rows [][]string
	for _, name := range sideNames() {
		rows = append(rows, []string{name, spreadOf(r.rates(row{side: name, outstanding: r.Settings.Outstanding})).format("%.0f")})
	}
	writeTable(text, "Orders per second", []string{"Side", fmt.Sprintf("Orders per second at %d outstanding", r.Settings.Outstanding)}, rows)
}

func (r *Report) writeLatency(text *strings.Builder) {
	var rows [][]string
	for _, outstanding := range []int{1, r.Settings.FewOutstanding} {
		for _, name := range sideNames() {
			of := row{side: name, outstanding: outstanding}
			ended, whole := r.ended(of), r.whole(of)
			rows = append(rows, []string{
				name, fmt.Sprint(outstanding),
				milliseconds(quantile(ended, 0.5)), milliseconds(quantile(ended, 0.95)), milliseconds(quantile(ended, 0.99)),
				milliseconds(quantile(whole, 0.5)), milliseconds(quantile(whole, 0.99)),
			})
		}
	}
	writeTable(text, "Latency", []string{
		"Side", "Outstanding", "p50 from acceptance to end", "p95", "p99", "p50 from sending to end", "p99",
	}, rows)
}

func (r *Report) writeHistory(text *strings.Builder) {
	var rows [][]string
	for _, name := range sideNames() {
		var events, bytes []float64
		for _, found := range r.histories[name] {
			events, bytes = append(events, float64(found.events)), append(bytes, float64(found.bytes))
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.0f", spreadOf(events).median), fmt.Sprintf("%.0f", spreadOf(bytes).median)})
	}
	writeTable(text, "History of one order", []string{"Side", "Events", "Bytes"}, rows)
}

// processNames are the processes, the servers of others last.
func processNames[V any](of map[string]V) []string {
	rank := func(name string) int {
		return slices.Index([]string{floorWorker, "temporal", "consul", thisProcess}, name)
	}
	return slices.SortedFunc(maps.Keys(of), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

func (r *Report) writeCPU(text *strings.Builder) {
	sums := make([]float64, len(sideNames()))
	var rows [][]string
	for _, process := range processNames(r.Memory) {
		cells := []string{process}
		for i, name := range sideNames() {
			used := r.cpuPerThousand(row{side: name, outstanding: r.Settings.Outstanding}, process)
			sums[i] += used
			cells = append(cells, fmt.Sprintf("%.2f", used))
		}
		rows = append(rows, append(cells, fmt.Sprintf("%.0f", float64(r.Memory[process])/(1<<20))))
	}
	all := []string{"all"}
	for _, sum := range sums {
		all = append(all, fmt.Sprintf("%.2f", sum))
	}
	writeTable(text, "CPU and memory by process", slices.Concat([]string{"Process"}, sideNames(), []string{"Peak memory, MiB"}), append(rows, append(all, "")))
	fmt.Fprintf(text, "CPU seconds for 1,000 orders at %d outstanding. Peak memory is that of the whole run up to here.\n\n", r.Settings.Outstanding)
}

func (r *Report) writeWorkers(text *strings.Builder) {
	var rows [][]string
	of := func(count int) row { return row{asShipped, r.Settings.Outstanding, workersVariant(count)} }
	for _, count := range r.Settings.Workers {
		rows = append(rows, []string{
			fmt.Sprint(count), spreadOf(r.rates(of(count))).format("%.0f"),
			ratios(r.rates(of(count)), r.rates(of(r.Settings.Workers[0]))).String(),
		})
	}
	writeTable(text, "Worker processes", []string{"Worker processes", "Orders per second, as shipped", fmt.Sprintf("Ratio to %d", r.Settings.Workers[0])}, rows)
}

func (r *Report) writeStored(text *strings.Builder) {
	var rows [][]string
	for _, count := range r.Settings.Stored {
		shipped := row{asShipped, r.Settings.Outstanding, storedVariant(count)}
		cells := []string{
			fmt.Sprint(count),
			ratios(r.rates(shipped), r.rates(row{floorSteps, r.Settings.Outstanding, storedVariant(count)})).String(),
			fmt.Sprintf("%.2f", r.cpuPerThousand(shipped, orderService)),
		}
		for _, what := range reads() {
			cells = append(cells, milliseconds(quantile(r.reads[read{what, count}], 0.5)))
		}
		rows = append(rows, cells)
	}
	headings := []string{"Stored orders", "Orders per second, as shipped / floor N", "CPU of the order service, s per 1,000"}
	for _, what := range reads() {
		headings = append(headings, "p50 of "+what)
	}
	writeTable(text, "Stored orders", headings, rows)
}

func (r *Report) writeMicro(text *strings.Builder) {
	text.WriteString("### Micro\n\n```\n" + r.Micro + "\n```\n")
}

func writeTable(text *strings.Builder, title string, headings []string, rows [][]string) {
	if title != "" {
		text.WriteString("### " + title + "\n\n")
	}
	text.WriteString("| " + strings.Join(headings, " | ") + " |\n|" + strings.Repeat("---|", len(headings)) + "\n")
	for _, cells := range rows {
		text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	text.WriteString("\n")
}
