package internal_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
)

// Any sequence of charges, compensations and agreed refunds over the revisions
// of one order, by two processes, repeated, reordered, broken at any point of
// the provider's wire and overtaken there by the other process, with a provider
// that refuses refunds for a while, keeps the money right at every step, and
// agrees with the provider once each request has been repeated.
func TestMoneyIsRightWhateverHappens(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		var runs atomic.Int64
		rapid.Check(t, func(t *rapid.T) {
			run := &run{
				shop: s, orderID: fmt.Sprintf("order-%d", runs.Add(1)), processes: []process{s.start(), s.start()},
				charged: map[int]payment.ChargeRequest{}, answered: map[int]bool{}, refunded: map[int]bool{},
				agreed: map[int]bool{},
			}
			t.Repeat(map[string]func(*rapid.T){
				"charge": func(t *rapid.T) { run.charge(t, run.process(t), run.meanwhile(t)) },
				"refund": func(t *rapid.T) { run.refund(t, run.process(t), run.meanwhile(t)) },
				"agree":  func(t *rapid.T) { run.agree(t, run.process(t), run.meanwhile(t)) },
				"switch": func(t *rapid.T) {
					require.NoError(t, run.bank.SetRefunds(context.Background(), run.orderID, rapid.Bool().Draw(t, "accepts refunds")))
				},
				"": run.check,
			})
			run.heal(t)
		})
	})
}

// run is one order and what was done for it, by revision.
type run struct {
	shop
	orderID   string
	processes []process
	ledger    []string // its rows at the last check

	charged  map[int]payment.ChargeRequest // the first request
	answered map[int]bool                  // captured, as far as the caller knows
	refunded map[int]bool                  // a compensation was sent; true when it was answered
	agreed   map[int]bool                  // an agreed refund was sent; true when it was answered
}

// agreedAmounts are of refunds that fit into a charge together, or do not.
var agreedAmounts = map[int]int64{1: 4000, 2: 5999, 3: 7000}

func (r *run) process(t *rapid.T) process {
	return rapid.SampledFrom(r.processes).Draw(t, "process")
}

// meanwhile draws what happens at each point of the wire.
func (r *run) meanwhile(t *rapid.T) func(point) error {
	return outsidetest.Meanwhile(t, map[string]func(func(point) error){
		"agree":  func(breaks func(point) error) { r.agree(t, r.start(), breaks) },
		"charge": func(breaks func(point) error) { r.charge(t, r.start(), breaks) },
		"refund": func(breaks func(point) error) { r.refund(t, r.start(), breaks) },
	})
}

func (r *run) charge(t *rapid.T, p process, meanwhile func(point) error) {
	revision := rapid.IntRange(1, 3).Draw(t, "revision")
	request, repeated := r.charged[revision]
	if !repeated {
		method := rapid.SampledFrom([]string{simulator.MethodVisa, simulator.MethodRefundFail, simulator.MethodDeclined}).Draw(t, "method")
		request = chargeOf(r.orderID, revision, method)
		r.charged[revision] = request
	}
	r.send(t, p, meanwhile, request)
}

func (r *run) send(t *rapid.T, p process, meanwhile func(point) error, request payment.ChargeRequest) {
	p.wire.At = meanwhile
	answer, err := p.Charge(context.Background(), request)
	if err == nil {
		require.Equal(t, payment.Captured, answer.Status)
		r.answered[request.Key.Revision] = true
		return
	}
	require.Contains(t, []problem.Code{
		problem.PaymentDeclined, problem.AlreadyCompensated, problem.Conflict, problem.RefundRefused, problem.InFlight, problem.Unavailable,
	}, problem.CodeOf(err), "%v", err)
}

func (r *run) refund(t *rapid.T, p process, meanwhile func(point) error) {
	revision := rapid.IntRange(1, 3).Draw(t, "revision")
	if _, sent := r.refunded[revision]; !sent {
		r.refunded[revision] = false
	}
	p.wire.At = meanwhile
	err := p.Refund(context.Background(), refundOf(r.orderID, revision))
	if err == nil {
		r.refunded[revision] = true
		return
	}
	// Conflict: the provider refuses, for the time being.
	require.Contains(t, []problem.Code{problem.Unavailable, problem.RefundRefused}, problem.CodeOf(err), "%v", err)
}

func (r *run) agree(t *rapid.T, p process, meanwhile func(point) error) {
	r.sendAgreed(t, p, meanwhile, rapid.SampledFrom([]int{1, 2, 3}).Draw(t, "agreed refund"))
}

func (r *run) sendAgreed(t *rapid.T, p process, meanwhile func(point) error, nth int) {
	answered := r.agreed[nth]
	r.agreed[nth] = answered
	p.wire.At = meanwhile
	answer, err := p.RefundAgreed(context.Background(), agreedOf(r.orderID, nth, agreedAmounts[nth]))
	if err == nil {
		require.Equal(t, payment.RefundSettled, answer.State)
		require.Equal(t, agreedAmounts[nth], answer.Amount.Amount)
		r.agreed[nth] = true
		return
	}
	require.False(t, answered, "the first answer is answered again, and not %v", err)
	require.Contains(t, []problem.Code{
		problem.Conflict, problem.RefundRefused, problem.AlreadyCompensated, problem.InFlight, problem.Unavailable,
	}, problem.CodeOf(err), "%v", err)
}

// check is what holds at every instant.
func (r *run) check(t *rapid.T) {
	ctx := context.Background()
	statement, err := r.bank.Statement(ctx, r.orderID)
	require.NoError(t, err)
	require.LessOrEqual(t, statement.Live, 1, "at most one live charge an order")

	require.Empty(t, r.rows(t, `
		SELECT e.transaction_id FROM ledger_entry e JOIN ledger_transaction t ON t.transaction_id = e.transaction_id
		WHERE t.order_id = $1 GROUP BY e.transaction_id, e.currency HAVING SUM(e.amount) <> 0`), "each transaction sums to zero")
	booked := r.rows(t, `
		SELECT t.transaction_id || ' ' || e.account || ' ' || CAST(e.amount AS TEXT)
		FROM ledger_entry e JOIN ledger_transaction t ON t.transaction_id = e.transaction_id WHERE t.order_id = $1`)
	require.Subset(t, booked, r.ledger, "the ledger only grows")
	r.ledger = booked
	require.Subset(t, r.moved(t), r.transactions(t), "nothing is booked that the provider has not done")

	for nth, settled := range r.agreed {
		if settled {
			require.Contains(t, booked, fmt.Sprintf("%s/refund cash-at-provider %d", agreedKey(r.orderID, nth), -agreedAmounts[nth]),
				"what was answered has happened")
		}
	}
	require.LessOrEqual(t, statement.Refunded.Amount, statement.Captured.Amount, "what goes back was there")
	if found, err := r.processes[0].Payment(ctx, r.orderID); problem.CodeOf(err) != problem.NotFound {
		require.NoError(t, err)
		require.LessOrEqual(t, found.Refunded.Amount, statement.Refunded.Amount, "nothing is refunded before the provider says so")
	}

	holding := r.rows(t, `SELECT idempotency_key FROM payment_simulator_charge WHERE order_id = $1 AND state = 'captured'`)
	for revision, settled := range r.refunded {
		if settled {
			require.NotContains(t, holding, key(r.orderID, revision).String(), "no effect after its tombstone")
		}
	}
	for revision := range r.answered {
		if _, undone := r.refunded[revision]; !undone {
			require.Contains(t, booked, fmt.Sprintf("%s/capture cash-at-provider %d", key(r.orderID, revision), total.Amount),
				"what was answered has happened")
			require.NotContains(t, r.transactions(t), key(r.orderID, revision).String()+"/refund", "nobody has undone it")
		}
	}
}

// heal repeats each request over a wire that holds, as the saga would, and
// compares everything that is known of the order's money.
func (r *run) heal(t *rapid.T) {
	ctx := context.Background()
	healthy := r.start()
	require.NoError(t, r.bank.SetRefunds(ctx, r.orderID, true))
	for _, revision := range slices.Sorted(maps.Keys(r.refunded)) {
		require.NoError(t, healthy.Refund(ctx, refundOf(r.orderID, revision)))
		r.refunded[revision] = true
	}
	for _, revision := range slices.Sorted(maps.Keys(r.charged)) {
		if _, undone := r.refunded[revision]; !undone {
			r.send(t, healthy, nil, r.charged[revision])
		}
	}
	for _, nth := range slices.Sorted(maps.Keys(r.agreed)) {
		r.sendAgreed(t, healthy, nil, nth)
	}
	r.check(t)
	require.Empty(t, r.rows(t, `SELECT refund_id FROM refund WHERE order_id = $1 AND state = 'requested'`))
	require.ElementsMatch(t, r.moved(t), r.transactions(t), "the ledger agrees with the provider")

	statement, err := r.bank.Statement(ctx, r.orderID)
	require.NoError(t, err)
	r.requireMoney(t, r.orderID, statement.Captured.Amount, statement.Refunded.Amount)
	found, err := healthy.Payment(ctx, r.orderID)
	if problem.CodeOf(err) == problem.NotFound {
		require.Zero(t, statement)
		return
	}
	require.NoError(t, err)
	require.NotEqual(t, payment.Refunding, found.Status)
	require.Equal(t, statement.Live == 1, found.Status == payment.Captured)
	require.Equal(t, statement.Captured.Amount, found.Captured.Amount)
	require.Equal(t, statement.Refunded.Amount, found.Refunded.Amount)
}

// moved lists the provider's movements in the form of transactions.
func (r *run) moved(t require.TestingT) []string {
	return r.rows(t, `
		SELECT CASE kind WHEN 'capture' THEN idempotency_key || '/capture' ELSE idempotency_key END
		FROM payment_simulator_movement WHERE order_id = $1`)
}

func (r *run) transactions(t require.TestingT) []string {
	return r.rows(t, `SELECT transaction_id FROM ledger_transaction WHERE order_id = $1`)
}

// rows returns the one text column of a query about the order.
func (r *run) rows(t require.TestingT, query string) []string {
	rows, err := r.db.Reader().QueryContext(context.Background(), query, r.orderID)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var text string
		require.NoError(t, rows.Scan(&text))
		found = append(found, text)
	}
	require.NoError(t, rows.Err())
	slices.Sort(found)
	return found
}
