package e2e_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/supervisor"
)

// mostDelay is how long an order may take on its way, whatever is restarted.
const mostDelay = 10 * time.Second

// TestARollingRestartIsANonEvent restarts every instance of every service, every
// worker and every gateway, one after the other, while customers place orders
// and look at them. None of them notices. Instances share a PostgreSQL database;
// with ROUNDS, how often each is restarted, it is done on SQLite as well.
func TestARollingRestartIsANonEvent(t *testing.T) {
	rounds := fromEnvironment(t, "ROUNDS", 0)
	if rounds == 0 {
		rollEverything(t, onPostgres(t), 1)
		return
	}
	onEachDatabase(t, func(t *testing.T, environ []string) { rollEverything(t, environ, rounds) })
}

func rollEverything(t *testing.T, environ []string, rounds int) {
	// Slower services have more in hand when they are asked to end.
	cfg := settings(t, append(environ, "ORDERFLOW_FAULTS=latency=20ms", "ORDERFLOW_RATE_LIMIT=1000")...)
	cfg.Instances, cfg.Workers = 2, 2
	s := start(t, cfg)
	d := generate(t, seed+21, 2000*rounds)
	s.await(s.beginImport(d.products, d.customersFile))

	l := s.beginLoad(d, 8)
	began := time.Now()
	for range rounds {
		for _, process := range s.rollable() {
			l.awaitOrders(5)
			t.Logf("%s restarted in %v", process, s.roll(process).Round(time.Millisecond))
		}
	}
	l.awaitOrders(5)
	lasted := time.Since(began)
	orders := l.endLoad()

	t.Logf("%d restarts in %v", rounds*len(s.rollable()), lasted.Round(100*time.Millisecond))
	l.requireNoFailures(t)
	requireUndelayed(t, orders)
	s.verify("--at-rest")
}

// fromEnvironment reads a number that makes a test longer than usual.
func fromEnvironment(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, "reading %s", name)
	return number
}

// rollable are the processes that a new version of the product replaces.
func (s *system) rollable() []string {
	return slices.DeleteFunc(s.Supervisor().Names(), func(name string) bool {
		return slices.Contains([]string{"temporal", "consul"}, name)
	})
}

// roll asks a process to end, and returns when its successor is healthy in
// Consul and answers.
func (s *system) roll(process string) time.Duration {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	began := time.Now()
	before, err := s.Supervisor().Pid(process)
	require.NoError(s.t, err)
	require.NoError(s.t, s.Supervisor().Signal(process, syscall.SIGTERM))
	require.NoError(s.t, s.Supervisor().Wait(ctx, process, func(now supervisor.Status) bool {
		return now.State == supervisor.Ready && now.PID != before
	}))
	s.waitHealthy()
	return time.Since(began)
}

// requireUndelayed prints how long the orders took, and refuses those that got
// lost or took too long. What its worker knows of an order may be missing from
// its view for the moment in which that worker is restarted; nothing else may.
func requireUndelayed(t *testing.T, orders []*placed) {
	t.Helper()
	var delays []time.Duration
	var lost, late []string
	unread := map[string]int{}
	for _, o := range orders {
		for _, part := range o.unavailable {
			unread[part]++
		}
		switch {
		case !o.ended:
			lost = append(lost, o.reference)
		case o.delay > mostDelay:
			late = append(late, o.reference)
		}
		delays = append(delays, o.delay)
	}
	slices.Sort(delays)
	require.NotEmpty(t, delays)
	at := func(share float64) time.Duration {
		return delays[int(share*float64(len(delays)-1))].Round(time.Millisecond)
	}
	t.Logf("%d orders, from placement to end: median %v, 99 %% within %v, the slowest %v; %d lost, %d later than %v; parts of views that could not be read: %v",
		len(delays), at(0.5), at(0.99), at(1), len(lost), len(late), mostDelay, unread)
	require.Empty(t, lost, "lost")
	require.Empty(t, late, "late")
	delete(unread, "saga")
	require.Empty(t, unread)
}
