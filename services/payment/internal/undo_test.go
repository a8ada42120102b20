package internal_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
)

func TestTheCompensationGivesBackWhatIsLeft(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		}
		requireRefunds(t, p,
			"order-1/AgreedRefund/1/refund agreed settled 4000",
			"order-1/ChargePayment/1/refund compensation settled 5999")
		requirePayment(t, p, "order-1", payment.Payment{
			Status: payment.Refunded, Captured: total, Refunded: total, Reference: requireReference(t, p), Reason: "out of stock",
		})
		s.requireMoney(t, "order-1", 9999, 9999)
	})
}

// requireReference returns the reference of the order's charge.
func requireReference(t *testing.T, p process) string {
	t.Helper()
	found, err := p.Payment(t.Context(), "order-1")
	require.NoError(t, err)
	require.NotEmpty(t, found.Reference)
	return found.Reference
}

func TestTheCompensationHasNothingToDoWhenAllIsBack(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 9999))
		require.NoError(t, err)
		p.wire.Calls = nil
		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		require.Empty(t, p.wire.Calls)
		requireRefunds(t, p, "order-1/AgreedRefund/1/refund agreed settled 9999")
		_, err = p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.AlreadyCompensated, err)
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 2, 1))
		requireCode(t, problem.AlreadyCompensated, err)
	})
}

// An agreed refund was requested, and its process is gone. Whatever has become
// of it, the compensation ends with all of the money back, and the lost request
// gets its answer.
func TestTheCompensationFinishesAgreedRefundsThatAreUnderWay(t *testing.T) {
	for _, at := range []point{beforeRefund, afterRefund} {
		t.Run("broken "+string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := paid(t, s, simulator.MethodVisa)
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				requireCode(t, problem.Unavailable, err)

				require.NoError(t, s.start().Refund(t.Context(), refundOf("order-1", 1)))
				s.requireMoney(t, "order-1", 9999, 9999)
				requireRefunds(t, p,
					"order-1/AgreedRefund/1/refund agreed settled 4000",
					"order-1/ChargePayment/1/refund compensation settled 5999")
				answer, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				require.NoError(t, err)
				require.Equal(t, payment.RefundSettled, answer.State)
			})
		})
	}
}

// The process of the agreed refund is at the provider while another undoes the
// charge.
func TestTheCompensationComesWhileAnAgreedRefundIsAtTheProvider(t *testing.T) {
	for _, at := range []point{beforeRefund, afterRefund} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := paid(t, s, simulator.MethodVisa)
				p.wire.At = func(here point) error {
					if here == at {
						require.NoError(t, s.start().Refund(t.Context(), refundOf("order-1", 1)))
					}
					return nil
				}
				answer, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
				require.NoError(t, err)
				require.Equal(t, payment.RefundSettled, answer.State)
				s.requireMoney(t, "order-1", 9999, 9999)
			})
		})
	}
}

// What an agreed refund fails to give back is left again, and the compensation
// gives it back too.
func TestTheCompensationCoversAnAgreedRefundThatFails(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodVisa)
		p.wire.At = outsidetest.FailOnce(afterRefund)
		require.NoError(t, s.bank.SetRefunds(t.Context(), "order-1", false))
		_, err := p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		requireCode(t, problem.Unavailable, err)
		require.NoError(t, s.bank.SetRefunds(t.Context(), "order-1", true))

		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		requireRefunds(t, p,
			"order-1/AgreedRefund/1/refund agreed failed 4000",
			"order-1/ChargePayment/1/refund compensation settled 5999",
			"order-1/ChargePayment/1/refund/2 compensation settled 4000")
		s.requireMoney(t, "order-1", 9999, 9999)
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
		requireCode(t, problem.RefundRefused, err)
	})
}

// A compensation that the provider refuses is a final answer, for the saga to
// wait for somebody; the same request again is another attempt.
func TestACompensationThatTheProviderRefuses(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodRefundFail)
		for range 2 {
			err := p.Refund(t.Context(), refundOf("order-1", 1))
			requireCode(t, problem.RefundRefused, err)
			require.ErrorContains(t, err, "the payment provider refuses to give 99.99 USD back")
			s.requireMoney(t, "order-1", 9999, 0)
			found, err := p.Payment(t.Context(), "order-1")
			require.NoError(t, err)
			require.Equal(t, payment.Refunding, found.Status)
			require.True(t, found.Refunded.IsZero())
		}
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodRefundFail))
		requireCode(t, problem.AlreadyCompensated, err)

		require.NoError(t, s.bank.SetRefunds(t.Context(), "order-1", true))
		require.NoError(t, s.start().Refund(t.Context(), refundOf("order-1", 1)))
		requireRefunds(t, p,
			"order-1/ChargePayment/1/refund compensation failed 9999",
			"order-1/ChargePayment/1/refund/2 compensation failed 9999",
			"order-1/ChargePayment/1/refund/3 compensation settled 9999")
		s.requireMoney(t, "order-1", 9999, 9999)
	})
}

// The answer to the capture was lost, and with it goes the chance to capture.
func TestABrokenVoidIsFinishedByTheNextOne(t *testing.T) {
	for at, moved := range map[point]int64{beforeCapture: 0, afterCapture: 9999} {
		for _, broken := range []point{beforeVoid, afterVoid} {
			t.Run(fmt.Sprintf("%s, %s", at, broken), func(t *testing.T) {
				each(t, func(t *testing.T, s shop) {
					p := s.start()
					p.wire.At = outsidetest.FailOnce(at)
					_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
					requireCode(t, problem.Unavailable, err)
					p.wire.At = outsidetest.FailOnce(broken)
					requireCode(t, problem.Unavailable, p.Refund(t.Context(), refundOf("order-1", 1)))
					found, err := p.Payment(t.Context(), "order-1")
					require.NoError(t, err)
					require.Equal(t, payment.Refunding, found.Status)

					require.NoError(t, s.start().Refund(t.Context(), refundOf("order-1", 1)))
					s.requireMoney(t, "order-1", moved, moved)
					_, err = s.bank.Capture(t.Context(), captureOf(chargeOf("order-1", 1, simulator.MethodVisa)))
					require.NoError(t, err)
					s.requireMoney(t, "order-1", moved, moved)
				})
			})
		}
	}
}

// Compensation and agreed refunds come at once, in many processes: all of the
// money goes back, and none of it twice.
func TestCompensationsAndAgreedRefundsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		for round := range 3 {
			orderID := fmt.Sprintf("order-%d", round)
			_, err := s.start().Charge(t.Context(), chargeOf(orderID, 1, simulator.MethodVisa))
			require.NoError(t, err)
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					_, err := s.start().RefundAgreed(t.Context(), agreedOf(orderID, i/2+1, 2500))
					if err != nil {
						assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err), "%v", err)
					}
				})
			}
			for range 2 {
				all.Go(func() { assert.NoError(t, s.start().Refund(t.Context(), refundOf(orderID, 1))) })
			}
			all.Wait()
			s.requireMoney(t, orderID, 9999, 9999)
		}
	})
}

// The refusal was lost with the process that got it. It is recorded, but it is
// no answer to the one who asks again.
func TestALostRefusalIsNotTheAnswerToTheNextAttempt(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := paid(t, s, simulator.MethodRefundFail)
		p.wire.At = outsidetest.FailOnce(afterRefund)
		requireCode(t, problem.Unavailable, p.Refund(t.Context(), refundOf("order-1", 1)))
		require.NoError(t, s.bank.SetRefunds(t.Context(), "order-1", true))
		require.NoError(t, s.start().Refund(t.Context(), refundOf("order-1", 1)))
		requireRefunds(t, p,
			"order-1/ChargePayment/1/refund compensation failed 9999",
			"order-1/ChargePayment/1/refund/2 compensation settled 9999")
	})
}
