package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const seed = 20260101

// importSummary is the part of the starter's summary that the tests read.
type importSummary struct {
	Malformed int `json:"malformed"`
	Orders    struct {
		Total        int `json:"total"`
		Shipped      int `json:"shipped"`
		Cancelled    int `json:"cancelled"`
		Refused      int `json:"refused"`
		Unanswered   int `json:"unanswered"`
		PlacedNow    int `json:"placedNow"`
		AlreadyThere int `json:"alreadyThere"`

		CancelledBy map[string]int `json:"cancelledBy"`
	} `json:"orders"`
	Totals []struct {
		Orders int64 `json:"orders"`
	} `json:"totals"`
	Mismatches []any `json:"mismatches"`
}

// importing is an import that runs beside the test.
type importing struct {
	command *exec.Cmd
	stdout  bytes.Buffer
	stderr  bytes.Buffer
	done    chan struct{}
	err     error
}

func (s *system) beginImport(files ...string) *importing {
	s.t.Helper()
	args := append([]string{"import", "--json", "--concurrency", "8"}, files...) // a later flag wins
	run := &importing{command: s.starter(args...), done: make(chan struct{})}
	run.command.Stdout, run.command.Stderr = &run.stdout, &run.stderr
	require.NoError(s.t, run.command.Start())
	go func() {
		defer close(run.done)
		run.err = run.command.Wait()
	}()
	return run
}

func (s *system) await(run *importing) importSummary {
	s.t.Helper()
	select {
	case <-run.done:
	case <-time.After(patience):
		require.Fail(s.t, "the import did not end", "%s", run.stderr.String())
	}
	require.NoError(s.t, run.err, "%s%s", run.stdout.String(), run.stderr.String())
	var summary importSummary
	require.NoError(s.t, json.Unmarshal(run.stdout.Bytes(), &summary), run.stdout.String())
	return summary
}

// views reads every order of the data set.
func (s *system) views(d dataset) []orderView {
	s.t.Helper()
	views := make([]orderView, len(d.references))
	for i, reference := range d.references {
		views[i] = s.order(d.customers[i], reference)
	}
	return views
}

// finished counts the orders that have come to their end; what cannot be read
// right now is not counted.
func (s *system) finished(d dataset) int {
	count := 0
	for _, customer := range slices.Compact(slices.Sorted(slices.Values(d.customers))) {
		for _, end := range []string{"shipped", "cancelled"} {
			found, err := s.call(s.t.Context(), http.MethodGet, "/v1/customers/"+customer+"/orders?limit=1&status="+end, nil)
			if err != nil || found.status != http.StatusOK {
				continue
			}
			var page struct {
				Total int `json:"total"`
			}
			found.into(s.t, &page)
			count += page.Total
		}
	}
	return count
}

// TestEveryAcceptedOrderEndsWhateverIsKilled is the promise of the product:
// workers, services, the gateway, Temporal and Consul are killed, one after the
// other, in the middle of an import.
func TestEveryAcceptedOrderEndsWhateverIsKilled(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, environ []string) {
		// A slower card keeps orders under way for long enough to be met.
		s := start(t, settings(t, append(environ, "ORDERFLOW_PAYMENT_FAULTS=latency=50ms")...))
		const orders = 250
		d := generate(t, seed, orders)
		run := s.beginImport(d.products, d.customersFile, d.orders)

		for _, victim := range []string{"workers-1", "payment", "order", "inventory", "gateway", "temporal", "consul"} {
			s.killAmidProgress(run, d, victim)
		}

		summary := s.await(run)
		require.Equal(t, orders, summary.Orders.Total)
		require.Zero(t, summary.Orders.Unanswered)
		require.Zero(t, summary.Orders.Refused)
		require.Empty(t, summary.Mismatches)

		shipped := s.requireBooksBalance(d, s.views(d))
		require.Equal(t, summary.Orders.Shipped, shipped)
		require.Positive(t, shipped)
		require.Less(t, shipped, orders, "the data set has orders that cannot ship")

		again := s.await(s.beginImport(d.products, d.customersFile, d.orders))
		require.Zero(t, again.Orders.PlacedNow)
		require.Equal(t, orders, again.Orders.AlreadyThere)
		s.requireBooksBalance(d, s.views(d))
	})
}

// killAmidProgress kills a process while orders are under way: some have ended
// since the system was last whole, and some have not begun. It returns when
// the system is whole again.
func (s *system) killAmidProgress(run *importing, d dataset, victim string) {
	s.t.Helper()
	before := s.finished(d)
	require.Eventually(s.t, func() bool { return s.finished(d) >= before+10 }, patience, 50*time.Millisecond, "before killing %s", victim)
	select {
	case <-run.done:
		require.Fail(s.t, "the import ended before the kill of "+victim, "%s%s", run.stdout.String(), run.stderr.String())
	default:
	}
	require.NoError(s.t, s.Supervisor().Kill(victim))
	s.waitHealthy()
}

// TestARestartOfTheWholeSystemLosesNothing stops everything while orders wait
// for a service, and starts it again on the same data. Without a cache of
// workflows every task replays its order from the history.
func TestARestartOfTheWholeSystemLosesNothing(t *testing.T) {
	for name, environ := range map[string][]string{
		"as shipped":               nil,
		"on postgres":              nil,
		"durable way and no cache": {"ORDERFLOW_FAST_WAY=off", "ORDERFLOW_STICKY_CACHE=0"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "on postgres" {
				environ = onPostgres(t)
			}
			cfg := settings(t, append(environ, "ORDERFLOW_PAYMENT_FAULTS=error=1")...)
			const orders = 12
			d := generate(t, seed+1, orders)
			s := start(t, cfg)
			s.placeAll(d)
			require.NoError(t, s.Stop())

			cfg.Environ = append(os.Environ(), environ...)
			s = start(t, cfg)
			require.Eventually(t, func() bool { return s.finished(d) == orders }, patience, 100*time.Millisecond)
			s.requireBooksBalance(d, s.views(d))
		})
	}
}

// placeAll imports products and customers, and has every order accepted
// without waiting for its end.
func (s *system) placeAll(d dataset) {
	s.t.Helper()
	s.await(s.beginImport(d.products, d.customersFile))
	for i, body := range d.bodies {
		accepted, err := s.call(s.t.Context(), http.MethodPost, "/v1/orders", body, "Idempotency-Key", d.references[i])
		require.NoError(s.t, err)
		require.Equal(s.t, http.StatusAccepted, accepted.status, "%s", accepted.body)
	}
}

func (s *system) waitHealthy() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	err := s.WaitHealthy(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		require.NoError(s.t, err, "the supervisor brings back what dies")
	}
	require.NoError(s.t, err)
}
