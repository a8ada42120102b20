package internal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
)

// paid starts a process with a charge of total under the method.
func paid(t *testing.T, s shop, method string) process {
	t.Helper()
	p := s.start()
	_, err := p.Charge(t.Context(), chargeOf("order-1", 1, method))
	require.NoError(t, err)
	p.wire.Calls = nil
	return p
}

// requireRefunds compares the refunds of order-1, each written as
// "ID kind state amount".
func requireRefunds(t *testing.T, p process, want ...string) {
	t.Helper()
	list, err := p.Refunds(t.Context(), "order-1")
	require.NoError(t, err)
	found := []string{}
	for _, r := range list.Items {
		require.Equal(t, "order-1", r.OrderID)
		require.False(t, r.RequestedAt.IsZero())
		require.Equal(t, r.State == payment.RefundSettled, !r.SettledAt.IsZero())
		require.Equal(t, r.State == payment.RefundSettled, r.Reference != "")
		require.Equal(t, r.State == payment.RefundFailed, !r.FailedAt.IsZero())
		require.Equal(t, r.State == payment.RefundFailed, r.Failure != "")
		found = append(found, fmt.Sprintf("%s %s %s %d", r.RefundID, r.Kind, r.State, r.Amount.Amount))
	}
	require.Equal(t, want, found)
}

func TestAPartGoesBackOnceAndIsAnsweredAgain(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		first, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		require.NoError(t, err)
		require.Equal(t, payment.Refund{
			RefundID: "order-1/AgreedRefund/1/refund", OrderID: "order-1", Key: agreedKey("order-1", 1),
			Kind: payment.Agreed, State: payment.RefundSettled, Amount: money.New(4000, "USD"),
			Reason: "a dent in the kettle", Reference: first.Reference,
			RequestedAt: first.RequestedAt, SettledAt: first.SettledAt,
		}, first)
		require.NotEmpty(t, first.Reference)

		// The response was lost, or comes to another process.
		again, err := s.start().RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		require.NoError(t, err)
		require.Equal(t, first, again)
		require.Equal(t, []point{beforeRefund, afterRefund}, p.wire.Calls)
		require.Equal(t, fence.Confirmed, s.fenceState(t, agreedKey("order-1", 1)))
		s.requireMoney(t, "order-1", 9999, 4000)

		found, err := p.Payment(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, payment.Captured, found.Status)
		require.Equal(t, total, found.Captured)
		require.Equal(t, money.New(4000, "USD"), found.Refunded)
		require.Equal(t, "a dent in the kettle", found.Reason)
		require.Equal(t, first.SettledAt, found.UpdatedAt)
	})
}

func TestAllOfItCanBeAgreedOn(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		for nth, amount := range []int64{4000, 5999} {
			_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", nth+1, amount))
			require.NoError(t, err)
		}
		found, err := p.Payment(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, payment.Refunded, found.Status)
		s.requireMoney(t, "order-1", 9999, 9999)

		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 3, 1))
		requireCode(t, problem.Conflict, err)
		require.Equal(t, "/amount/amount", problem.From(err).Fields[0].Pointer)
	})
}

// Each row asks for a refund that cannot be; nothing of it remains, so that the
// same key may come again with what can be.
func TestARefundThatCannotBeIsRefusedAndLeavesNothing(t *testing.T) {
	charge := func(method string) func(*testing.T, process) {
		return func(t *testing.T, p process) {
			_, err := p.Charge(t.Context(), chargeOf("order-1", 1, method))
			if method == simulator.MethodDeclined {
				requireCode(t, problem.PaymentDeclined, err)
				return
			}
			require.NoError(t, err)
		}
	}
	for name, test := range map[string]struct {
		before  func(t *testing.T, p process)
		amount  money.Money
		code    problem.Code
		pointer string
	}{
		"of an order that nobody knows": {
			func(*testing.T, process) {}, money.New(1, "USD"), problem.Conflict, "",
		},
		"of a declined charge": {
			charge(simulator.MethodDeclined), money.New(1, "USD"), problem.Conflict, "",
		},
		"of a charge whose outcome is not known": {
			func(t *testing.T, p process) {
				p.wire.At = outsidetest.FailOnce(afterCapture)
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.Unavailable, err)
			}, money.New(1, "USD"), problem.InFlight, "",
		},
		"in another currency": {
			charge(simulator.MethodVisa), money.New(1, "EUR"), problem.Invalid, "/amount/currency",
		},
		"of more than was captured": {
			charge(simulator.MethodVisa), money.New(10000, "USD"), problem.Conflict, "/amount/amount",
		},
		"of more than is left": {
			func(t *testing.T, p process) {
				charge(simulator.MethodVisa)(t, p)
				_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 2, 4000))
				require.NoError(t, err)
			}, money.New(6000, "USD"), problem.Conflict, "/amount/amount",
		},
		"of more than is left when all that is under way is back": {
			func(t *testing.T, p process) {
				charge(simulator.MethodVisa)(t, p)
				p.wire.At = outsidetest.FailOnce(beforeRefund)
				_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 2, 4000))
				requireCode(t, problem.Unavailable, err)
			}, money.New(6000, "USD"), problem.Conflict, "/amount/amount",
		},
		"of a charge that was undone": {
			func(t *testing.T, p process) {
				charge(simulator.MethodVisa)(t, p)
				require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
			}, money.New(1, "USD"), problem.AlreadyCompensated, "",
		},
		"of a charge that is being undone": {
			func(t *testing.T, p process) {
				charge(simulator.MethodVisa)(t, p)
				p.wire.At = outsidetest.FailOnce(beforeRefund)
				requireCode(t, problem.Unavailable, p.Refund(t.Context(), refundOf("order-1", 1)))
			}, money.New(1, "USD"), problem.AlreadyCompensated, "",
		},
		"of a charge that the provider refuses to undo": {
			func(t *testing.T, p process) {
				charge(simulator.MethodRefundFail)(t, p)
				requireCode(t, problem.RefundRefused, p.Refund(t.Context(), refundOf("order-1", 1)))
			}, money.New(1, "USD"), problem.AlreadyCompensated, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				test.before(t, p)
				p.wire.Calls = nil
				before, err := p.Refunds(t.Context(), "order-1")
				require.NoError(t, err)

				request := agreedOf("order-1", 1, 0)
				request.Amount = test.amount
				_, err = p.RefundAgreed(t.Context(), request)
				requireCode(t, test.code, err)
				if test.pointer != "" {
					require.Equal(t, test.pointer, problem.From(err).Fields[0].Pointer)
				}
				require.Empty(t, p.wire.Calls, "the provider does not hear of it")
				after, err := p.Refunds(t.Context(), "order-1")
				require.NoError(t, err)
				require.Equal(t, before, after)
				var fenced int
				require.NoError(t, s.db.Reader().QueryRowContext(t.Context(),
					`SELECT COUNT(*) FROM fence WHERE step = 'AgreedRefund' AND revision = 1`).Scan(&fenced))
				require.Zero(t, fenced)
			})
		})
	}
}

func TestAKeyIsForOneRefund(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		require.NoError(t, err)
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4001))
		requireCode(t, problem.KeyReused, err)

		// A charge's key is no refund's, and the other way round.
		asCharge := agreedOf("order-1", 1, 4000)
		asCharge.Key = key("order-1", 1)
		_, err = p.RefundAgreed(t.Context(), asCharge)
		requireCode(t, problem.KeyReused, err)
		requireCode(t, problem.KeyReused, p.Refund(t.Context(), payment.RefundRequest{Key: agreedKey("order-1", 1)}))
		require.Equal(t, fence.Confirmed, s.fenceState(t, agreedKey("order-1", 1)))
		s.requireMoney(t, "order-1", 9999, 4000)
	})
}

// Each row breaks a refund at one point, as a crash there would; the same
// request again finishes it, and gives back once.
func TestABrokenAgreedRefundIsFinishedByTheNextOne(t *testing.T) {
	for _, at := range []point{beforeRefund, afterRefund} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := paid(t, s, simulator.MethodVisa)
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				requireCode(t, problem.Unavailable, err)
				require.Equal(t, fence.Tried, s.fenceState(t, agreedKey("order-1", 1)))
				requireRefunds(t, p, "order-1/AgreedRefund/1/refund agreed requested 4000")
				found, err := p.Payment(t.Context(), "order-1")
				require.NoError(t, err)
				require.Equal(t, payment.Refunding, found.Status)
				require.True(t, found.Refunded.IsZero(), "the provider has not said so")

				restarted := s.start()
				restarted.wire.At = outsidetest.FailOnce(beforeLookupRefund)
				_, err = restarted.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				requireCode(t, problem.Unavailable, err)
				_, err = restarted.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				require.NoError(t, err)
				require.Equal(t, []point{beforeLookupRefund, beforeLookupRefund}, restarted.wire.Calls[:2], "the provider is asked before it is told again")
				if at == afterRefund {
					require.Len(t, restarted.wire.Calls, 2, "what has happened is not sent again")
				}
				s.requireMoney(t, "order-1", 9999, 4000)
			})
		})
	}
}

// The money stays with the shop, and can be given back by another refund.
func TestAnAgreedRefundThatTheProviderRefuses(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodRefundFail)
		for range 2 {
			_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 9999))
			requireCode(t, problem.RefundRefused, err)
			require.ErrorContains(t, err, "the payment provider refuses to give 99.99 USD back: the customer's bank does not take refunds")
		}
		require.Equal(t, []point{beforeRefund, afterRefund}, p.wire.Calls, "the second answer is the first one")
		s.requireMoney(t, "order-1", 9999, 0)
		found, err := p.Payment(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, payment.Captured, found.Status)
		require.Empty(t, found.Reason, "nothing went back")

		require.NoError(t, s.bank.SetRefunds(t.Context(), "order-1", true))
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 9999))
		requireCode(t, problem.RefundRefused, err)
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 2, 9999))
		require.NoError(t, err)
		requireRefunds(t, p,
			"order-1/AgreedRefund/1/refund agreed failed 9999",
			"order-1/AgreedRefund/2/refund agreed settled 9999")
		s.requireMoney(t, "order-1", 9999, 9999)
	})
}

func TestEqualAgreedRefundsAtOnceGiveBackOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		var all sync.WaitGroup
		answers := make([]payment.Refund, 10)
		for i := range answers {
			all.Go(func() {
				var err error
				answers[i], err = p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				assert.NoError(t, err)
			})
		}
		all.Wait()
		for _, answer := range answers {
			require.Equal(t, answers[0], answer)
		}
		require.Equal(t, []point{beforeRefund, afterRefund}, p.wire.Calls)
		s.requireMoney(t, "order-1", 9999, 4000)
	})
}

// Processes know nothing of each other's locks: fence and provider decide. Of
// refunds under different keys as many succeed as there is money for.
func TestAgreedRefundsAtOnceInManyProcesses(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		var all sync.WaitGroup
		outcomes := make([]error, 10)
		for i := range outcomes {
			all.Go(func() {
				// Two processes a key.
				_, outcomes[i] = s.start().RefundAgreed(t.Context(), agreedOf("order-1", i/2+1, 3333))
			})
		}
		all.Wait()
		succeeded := 0
		for i, err := range outcomes {
			if err == nil {
				succeeded++
				continue
			}
			requireCode(t, problem.Conflict, err)
			require.Equal(t, outcomes[i^1] == nil, false, "both processes get the same answer")
		}
		require.Equal(t, 6, succeeded)
		s.requireMoney(t, "order-1", 9999, 9999)
		found, err := p.Payment(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, payment.Refunded, found.Status)
	})
}
