package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"
)

// Run measures everything and returns what it has found. It fails when the
// product does; it never judges a time.
func Run(ctx context.Context, settings Settings, ground Ground) (report *Report, err error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	report = &Report{Settings: settings, turns: map[row][]turn{}, histories: map[string][]history{}, reads: map[read][]time.Duration{}}
	if report.Machine, err = describeMachine(ctx, ground.Root); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := measureSystem(ctx, settings, ground, report); err != nil {
		return nil, err
	}
	// Last, and after the system has stopped: the two would disturb each other.
	if report.Micro, err = measureMicro(ctx, settings, ground); err != nil {
		return nil, err
	}
	report.Took = time.Since(began)
	return report, nil
}

func measureSystem(ctx context.Context, settings Settings, ground Ground, report *Report) (err error) {
	s, err := boot(ctx, ground)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	m := measuring{system: s, settings: settings, report: report, out: ground.Out}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"warming up", m.warmUp},
		{"saturation, in turn", m.saturation},
		{"latency, in turn", m.latency},
		{"history", m.history},
		{"memory", m.memory},
		{"worker processes", m.workers},
		{"stored orders", m.stored},
	} {
		m.say("%s", part.name)
		if err := part.measure(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// measuring is a run on one system.
type measuring struct {
	*system
	settings Settings
	report   *Report
	out      io.Writer
}

func (m measuring) say(format string, args ...any) {
	fmt.Fprintf(m.out, time.Now().Format(time.TimeOnly)+"  "+format+"\n", args...)
}

// saturated gives a side its turn at saturation.
func (m measuring) saturated(ctx context.Context, s side, variant string) error {
	if err := s.lead(ctx, m.settings.Lead, m.settings.Outstanding); err != nil {
		return err
	}
	return m.turn(ctx, row{side: s.name, outstanding: m.settings.Outstanding, variant: variant}, s, m.settings.Orders)
}

// turn gives a side its turn and keeps it under its row.
func (m measuring) turn(ctx context.Context, r row, s side, orders int) error {
	// What the last turn has left must not be collected at this one's expense.
	runtime.GC()
	t, err := s.measure(ctx, orders, r.outstanding)
	if err != nil {
		return err
	}
	m.report.turns[r] = append(m.report.turns[r], t)
	m.say("  %-12s %-8s %2d outstanding: %6.1f orders/s, p50 %s", r.side, r.variant, r.outstanding, t.perSecond(), milliseconds(quantile(t.ended, 0.5)))
	return nil
}

// warmUp fills caches, opens connections and has the programs paged in.
func (m measuring) warmUp(ctx context.Context) error {
	for _, s := range m.sides() {
		if err := s.lead(ctx, m.settings.Lead, m.settings.Outstanding); err != nil {
			return err
		}
	}
	return nil
}

func (m measuring) saturation(ctx context.Context) error {
	return inTurn(m.settings.Rounds, m.sides(), func(_ int, s side) error { return m.saturated(ctx, s, "") })
}

func (m measuring) latency(ctx context.Context) error {
	return errors.Join(
		m.rounds(ctx, 1, m.settings.Single),
		m.rounds(ctx, m.settings.FewOutstanding, m.settings.Few),
	)
}

func (m measuring) rounds(ctx context.Context, outstanding, orders int) error {
	return inTurn(m.settings.Rounds, m.sides(), func(_ int, s side) error {
		return m.turn(ctx, row{side: s.name, outstanding: outstanding}, s, orders)
	})
}

// historySample is how many histories are looked at: they are all alike.
const historySample = 5

func (m measuring) history(ctx context.Context) error {
	for _, s := range m.sides() {
		for range historySample {
			found, err := s.history(ctx)
			if err != nil {
				return err
			}
			m.report.histories[s.name] = append(m.report.histories[s.name], found)
		}
	}
	return nil
}

func (m measuring) memory(context.Context) (err error) {
	m.report.Memory, err = m.peakMemory()
	return err
}

// workers measures the product as shipped with each number of worker processes.
func (m measuring) workers(ctx context.Context) error {
	shipped := m.orders(asShipped, m.GatewayURL())
	for range m.settings.GrowthRounds {
		for _, count := range m.settings.Workers {
			if _, err := m.ScaleWorkers(ctx, count); err != nil {
				return err
			}
			// In the lead, new workers fill caches and connections.
			if err := m.saturated(ctx, shipped, workersVariant(count)); err != nil {
				return err
			}
		}
	}
	_, err := m.ScaleWorkers(ctx, 1)
	return err
}

func workersVariant(count int) string { return strconv.Itoa(count) + "w" }
func storedVariant(count int) string  { return strconv.Itoa(count) }
