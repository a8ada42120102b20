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

func requirePayment(t *testing.T, p process, orderID string, want payment.Payment) {
	t.Helper()
	found, err := p.Payment(t.Context(), orderID)
	require.NoError(t, err)
	assert.NotZero(t, found.UpdatedAt)
	if want.Reference == "" {
		found.Reference = ""
	}
	want.OrderID, want.UpdatedAt = orderID, found.UpdatedAt
	require.Equal(t, want, found)
}

func requireCode(t *testing.T, want problem.Code, err error) {
	t.Helper()
	require.Equal(t, want, problem.CodeOf(err), "%v", err)
}

func TestAChargeIsCapturedOnceAndAnsweredAgain(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		first, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		require.Equal(t, payment.Captured, first.Status)
		require.Equal(t, total, first.Captured)
		require.Equal(t, money.Zero("USD"), first.Refunded)

		again, err := s.start().Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		require.Equal(t, first, again)
		requirePayment(t, p, "order-1", first)
		s.requireMoney(t, "order-1", 9999, 0)
	})
}

func TestAnOrderWithoutAPriceIsPaidTrivially(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		request := chargeOf("order-1", 1, simulator.MethodVisa)
		request.Amount = money.Zero("USD")
		paid, err := p.Charge(t.Context(), request)
		require.NoError(t, err)
		require.Equal(t, payment.Captured, paid.Status)
		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		requirePayment(t, p, "order-1", payment.Payment{
			Status: payment.Refunded, Captured: money.Zero("USD"), Refunded: money.Zero("USD"), Reason: "out of stock",
		})
	})
}

func TestADeclineIsAnsweredAgainAndUndoneWithoutTheProvider(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		for range 2 {
			_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodInsufficientFunds))
			requireCode(t, problem.PaymentDeclined, err)
			require.Contains(t, err.Error(), "the card has insufficient funds")
		}
		require.Equal(t, []point{beforeCapture, afterCapture}, p.wire.Calls, "the second answer is the first one")
		declined := payment.Payment{
			Status: payment.Declined, Captured: money.Zero("USD"), Refunded: money.Zero("USD"),
			Reason: "the card has insufficient funds",
		}
		requirePayment(t, p, "order-1", declined)

		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		require.Len(t, p.wire.Calls, 2, "there is nothing to give back")
		require.Equal(t, fence.Compensated, s.fenceState(t, key("order-1", 1)))
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodInsufficientFunds))
		requireCode(t, problem.AlreadyCompensated, err)
		requirePayment(t, p, "order-1", declined)
		s.requireMoney(t, "order-1", 0, 0)
	})
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		other := chargeOf("order-1", 1, simulator.MethodVisa)
		other.Amount.Amount++
		_, err = p.Charge(t.Context(), other)
		requireCode(t, problem.KeyReused, err)
		s.requireMoney(t, "order-1", 9999, 0)
	})
}

func TestARefundGivesBackOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		paid, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		}
		requirePayment(t, p, "order-1", payment.Payment{
			Status: payment.Refunded, Captured: total, Refunded: total, Reference: paid.Reference, Reason: "out of stock",
		})
		s.requireMoney(t, "order-1", 9999, 9999)
		_, err = p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.AlreadyCompensated, err)
		require.Equal(t, []point{beforeCapture, afterCapture, beforeRefund, afterRefund}, p.wire.Calls)
	})
}

func TestARefundOfAnUnknownKeyLeavesOnlyATombstone(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		for range 2 {
			require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		}
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.AlreadyCompensated, err)
		require.Empty(t, p.wire.Calls, "the provider never hears of it")
		_, err = p.Payment(t.Context(), "order-1")
		requireCode(t, problem.NotFound, err)
	})
}

func TestANewRevisionPaysAfterADecline(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodDeclined))
		requireCode(t, problem.PaymentDeclined, err)
		paid, err := p.Charge(t.Context(), chargeOf("order-1", 2, simulator.MethodVisa))
		require.NoError(t, err)
		requirePayment(t, p, "order-1", paid)

		_, err = p.Charge(t.Context(), chargeOf("order-1", 3, simulator.MethodVisa))
		requireCode(t, problem.Conflict, err)
		s.requireMoney(t, "order-1", 9999, 0)
	})
}

func TestAnOrderIsNotPaidTwiceWhileTheFirstOutcomeIsUnknown(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		p.wire.At = outsidetest.FailOnce(afterCapture)
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.Unavailable, err)
		_, err = p.Charge(t.Context(), chargeOf("order-1", 2, simulator.MethodVisa))
		requireCode(t, problem.InFlight, err)

		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		_, err = p.Charge(t.Context(), chargeOf("order-1", 2, simulator.MethodVisa))
		require.NoError(t, err)
		requirePayment(t, p, "order-1", payment.Payment{
			Status: payment.Captured, Captured: money.New(2*9999, "USD"), Refunded: total,
		})
		s.requireMoney(t, "order-1", 2*9999, 9999)
	})
}

func TestAnOrderHasOneCurrency(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodDeclined))
		requireCode(t, problem.PaymentDeclined, err)
		other := chargeOf("order-1", 2, simulator.MethodVisa)
		other.Amount.Currency = "EUR"
		_, err = p.Charge(t.Context(), other)
		requireCode(t, problem.Conflict, err)
	})
}

// Each row breaks a charge at one point, as a crash there would; the same
// request again finishes it, and captures once.
func TestABrokenChargeIsFinishedByTheNextOne(t *testing.T) {
	for _, at := range []point{beforeCapture, afterCapture} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.Unavailable, err)
				require.Equal(t, fence.Tried, s.fenceState(t, key("order-1", 1)))
				_, err = p.Payment(t.Context(), "order-1")
				requireCode(t, problem.NotFound, err)

				restarted := s.start()
				restarted.wire.At = outsidetest.FailOnce(beforeLookup)
				_, err = restarted.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.Unavailable, err)

				_, err = restarted.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				require.NoError(t, err)
				require.Equal(t, []point{beforeLookup, beforeLookup}, restarted.wire.Calls[:2], "the provider is asked before it is told again")
				if at == afterCapture {
					require.Len(t, restarted.wire.Calls, 2, "what has happened is not sent again")
				}
				s.requireMoney(t, "order-1", 9999, 0)
			})
		})
	}
}

func TestABrokenRefundIsFinishedByTheNextOne(t *testing.T) {
	for _, at := range []point{beforeRefund, afterRefund} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				paid, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				require.NoError(t, err)
				p.wire.At = outsidetest.FailOnce(at)
				err = p.Refund(t.Context(), refundOf("order-1", 1))
				requireCode(t, problem.Unavailable, err)
				requirePayment(t, p, "order-1", payment.Payment{
					Status: payment.Refunding, Captured: total, Refunded: money.Zero("USD"),
					Reference: paid.Reference, Reason: "out of stock",
				})

				restarted := s.start()
				require.NoError(t, restarted.Refund(t.Context(), refundOf("order-1", 1)))
				require.Equal(t, beforeLookupRefund, restarted.wire.Calls[0], "the provider is asked before it is told again")
				if at == afterRefund {
					require.Len(t, restarted.wire.Calls, 1, "what has happened is not sent again")
				}
				requirePayment(t, p, "order-1", payment.Payment{
					Status: payment.Refunded, Captured: total, Refunded: total, Reference: paid.Reference, Reason: "out of stock",
				})
				s.requireMoney(t, "order-1", 9999, 9999)
			})
		})
	}
}

// The answer to the capture is lost for good: the refund finds the money and
// books it both ways. What never reached the provider is no payment.
func TestARefundOfAChargeWithUnknownOutcome(t *testing.T) {
	for at, moved := range map[point]int64{beforeCapture: 0, afterCapture: 9999} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.Unavailable, err)
				require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
				s.requireMoney(t, "order-1", moved, moved)

				found, err := p.Payment(t.Context(), "order-1")
				if moved == 0 {
					requireCode(t, problem.NotFound, err)
					return
				}
				require.NoError(t, err)
				require.Equal(t, payment.Refunded, found.Status)
				require.NotEmpty(t, found.Reference)
			})
		})
	}
}

// Another process undoes a charge while this one is at the provider.
func TestAChargeThatIsUndoneMeanwhileGivesBack(t *testing.T) {
	for name, test := range map[string]struct {
		undoneAt point
		undo     func(t *testing.T, other process)
		moved    int64
	}{
		"refunded before the capture": {
			beforeCapture, func(t *testing.T, other process) {
				require.NoError(t, other.Refund(t.Context(), refundOf("order-1", 1)))
			}, 0,
		},
		"refunded after the capture": {
			afterCapture, func(t *testing.T, other process) {
				require.NoError(t, other.Refund(t.Context(), refundOf("order-1", 1)))
			}, 9999,
		},
		"voided, and its process crashed before it could record that": {
			afterCapture, func(t *testing.T, other process) {
				other.wire.At = outsidetest.FailOnce(afterVoid)
				requireCode(t, problem.Unavailable, other.Refund(t.Context(), refundOf("order-1", 1)))
			}, 9999,
		},
		"refund requested, and its process crashed": {
			afterCapture, func(t *testing.T, other process) {
				other.wire.At = outsidetest.FailOnce(beforeRefund)
				requireCode(t, problem.Unavailable, other.Refund(t.Context(), refundOf("order-1", 1)))
			}, 9999,
		},
		"refunded, and its process crashed before it could record that": {
			afterCapture, func(t *testing.T, other process) {
				other.wire.At = outsidetest.FailOnce(afterRefund)
				requireCode(t, problem.Unavailable, other.Refund(t.Context(), refundOf("order-1", 1)))
			}, 9999,
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p, other := s.start(), s.start()
				p.wire.At = func(here point) error {
					if here == test.undoneAt {
						test.undo(t, other)
					}
					return nil
				}
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.AlreadyCompensated, err)
				s.requireMoney(t, "order-1", test.moved, test.moved)
				require.NoError(t, other.Refund(t.Context(), refundOf("order-1", 1)))
				s.requireMoney(t, "order-1", test.moved, test.moved)
			})
		})
	}
}

// Until the money is back, an undone charge is not answered as undone.
func TestAChargeThatCannotGiveBackIsNotRefusedYet(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p, other := s.start(), s.start()
		p.wire.At = func(here point) error {
			switch here {
			case afterCapture:
				other.wire.At = outsidetest.FailOnce(beforeRefund)
				requireCode(t, problem.Unavailable, other.Refund(t.Context(), refundOf("order-1", 1)))
			case beforeRefund:
				return outsidetest.ErrBroken
			default:
			}
			return nil
		}
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.Unavailable, err)
		require.NoError(t, other.Refund(t.Context(), refundOf("order-1", 1)))
		s.requireMoney(t, "order-1", 9999, 9999)
	})
}

func TestEqualChargesAtOnceCaptureOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		var all sync.WaitGroup
		answers := make([]payment.Payment, 10)
		for i := range answers {
			all.Go(func() {
				var err error
				answers[i], err = p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				assert.NoError(t, err)
			})
		}
		all.Wait()
		for _, answer := range answers {
			require.Equal(t, answers[0], answer)
		}
		require.Equal(t, []point{beforeCapture, afterCapture}, p.wire.Calls)
		s.requireMoney(t, "order-1", 9999, 0)
	})
}

// Two processes know nothing of each other's locks: fence and provider decide.
func TestEqualChargesAndRefundsInTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		for round := range 5 {
			orderID := fmt.Sprintf("order-%d", round)
			var all sync.WaitGroup
			for range 2 {
				p := s.start()
				all.Go(func() {
					_, err := p.Charge(t.Context(), chargeOf(orderID, 1, simulator.MethodVisa))
					if err != nil {
						assert.Contains(t, []problem.Code{problem.AlreadyCompensated, problem.InFlight}, problem.CodeOf(err), "%v", err)
					}
				})
				all.Go(func() { assert.NoError(t, p.Refund(t.Context(), refundOf(orderID, 1))) })
			}
			all.Wait()
			statement, err := s.bank.Statement(t.Context(), orderID)
			require.NoError(t, err)
			require.Zero(t, statement.Live)
			s.requireMoney(t, orderID, statement.Captured.Amount, statement.Captured.Amount)
		}
	})
}
