package e2e_test

import (
	"bufio"
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/resilience"
)

// Metrics that are counted.
const (
	served      = "http_server_request_duration_seconds_count"
	called      = "orderflow_rpc_client_calls_total"
	transitions = "orderflow_breaker_transitions_total"
	firstCalls  = "orderflow_retry_budget_calls_total"
	unspent     = "orderflow_retry_budget_refused_total"
)

// calls are what has become of the workers' calls to one service, or to all of
// them together.
type calls struct {
	s *shop

	served  float64 // by the service's own count, which dies with its process
	made    float64 // by the workers' count
	first   float64 // of those, the first ones
	failed  float64 // of those made
	missed  float64 // calls for which there was no instance: nothing was called
	held    float64 // by an open breaker
	unspent float64 // retries that the budget did not allow
	opened  float64 // how often a breaker opened
}

// outcomes of calls that were made, and of those among them that failed.
var (
	madeOutcomes   = []string{"ok", "refused", "unavailable", "timeout", "bad-answer"}
	failedOutcomes = []string{"unavailable", "timeout", "bad-answer"}
)

// callsTo counts the calls of the worker at the address to what is sick.
func (s *shop) callsTo(o sickness, worker string) calls {
	s.t.Helper()
	c := calls{s: s}
	if o.target != "" && !o.killed {
		for _, addr := range s.instances(o.target) {
			c.served += s.counted(addr, served, `method="POST"`)
		}
	}
	target := `target="` // any
	if o.target != "" {
		target += o.target + `"`
	}
	for _, outcome := range madeOutcomes {
		c.made += s.counted(worker, called, target, `outcome="`+outcome+`"`)
	}
	for _, outcome := range failedOutcomes {
		c.failed += s.counted(worker, called, target, `outcome="`+outcome+`"`)
	}
	c.missed = s.counted(worker, called, target, `outcome="no-instance"`)
	c.held = s.counted(worker, called, target, `outcome="breaker-open"`)
	c.opened = s.counted(worker, transitions, target, `to="open"`)
	c.first = s.counted(worker, firstCalls, target)
	c.unspent = s.counted(worker, unspent, target)
	return c
}

func (c calls) since(before calls) calls {
	c.served -= before.served
	c.made -= before.made
	c.first -= before.first
	c.failed -= before.failed
	c.missed -= before.missed
	c.held -= before.held
	c.unspent -= before.unspent
	c.opened -= before.opened
	return c
}

// judge checks that what was sick was left alone: that no more calls were
// repeated there than the budget allows, and that breakers let through what they
// should.
func (c calls) judge(o sickness, lasted time.Duration, openings int, f *figures) {
	t := c.s.t
	t.Helper()
	known := fmt.Sprintf("for %.0f first calls", c.first)
	if c.missed > 0 {
		// The first calls include those without an instance. So all that were
		// made may be retries.
		c.first, known = 0, "for retries alone"
	}
	limits := resilience.Defaults(o.target)
	const purposes = 2 // each has a budget of its own
	budget := limits.RetryBudget.Share*c.first + purposes*limits.RetryBudget.MinPerSecond*(lasted.Seconds()+10)
	retries := max(c.made, c.served) - c.first
	own := fmt.Sprintf("%.0f", c.served)
	if o.target == "" || o.killed {
		own = "unknown"
	}
	f.add("calls at "+cmp.Or(o.target, "all services"), "%.0f by the workers' count, %s by its own; %.0f of them failed", c.made, own, c.failed)
	f.add("… of them retries", "%.0f at most; the budget %s in %v is %.0f", max(0, retries), known, round(lasted), budget)
	f.add("… held back", "%.0f by the breaker, %.0f by the retry budget; %.0f found no instance", c.held, c.unspent, c.missed)
	assert.LessOrEqual(t, retries, budget)
	assert.InDelta(t, c.opened, openings, 1, "each opening is counted once")
	if o.harmless {
		assert.Zero(t, c.opened)
		return
	}
	assert.NotZero(t, c.held)
	// What opens a breaker may be under way all at once; then it tries three at a
	// time.
	allowed := limits.Bulkhead.MaxConcurrent + limits.Compensation.MaxConcurrent + limits.Breaker.SuccessThreshold*(1+openings)
	assert.LessOrEqual(t, c.failed, float64(allowed), "the breaker holds calls back")
}

// counted sums up the series of a metric that have all the labels.
func (s *shop) counted(addr, metric string, labels ...string) (sum float64) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+addr+"/metrics", nil)
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		series, value, found := strings.Cut(lines.Text(), "} ")
		if !found || !strings.HasPrefix(series, metric+"{") || !hasAll(series, labels) {
			continue
		}
		count, err := strconv.ParseFloat(value, 64)
		require.NoError(s.t, err)
		sum += count
	}
	require.NoError(s.t, lines.Err())
	return sum
}

func hasAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
