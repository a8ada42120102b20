package internal_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal"
	"orderflow/services/payment/internal/provider"
	"orderflow/services/payment/internal/simulator"
)

// One that contradicts itself must be looked at by somebody: nothing is
// recorded.
func TestAProviderThatContradictsItself(t *testing.T) {
	for name, outcome := range map[string]provider.Refund{
		"gave another amount back": {State: provider.RefundSettled, Amount: money.New(1, "USD")},
		"refused another amount":   {State: provider.RefundRefused, Amount: money.New(1, "USD")},
		"speaks another language":  {State: "gone", Amount: total},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				require.NoError(t, err)
				p.wire.Provider = contradicting{Provider: p.wire.Provider, refund: outcome}
				requireCode(t, problem.Internal, p.Refund(t.Context(), refundOf("order-1", 1)))
				found, err := p.Payment(t.Context(), "order-1")
				require.NoError(t, err)
				require.Equal(t, payment.Refunding, found.Status)
				require.True(t, found.Refunded.IsZero())
			})
		})
	}
}

func TestAProviderThatContradictsItselfAboutACharge(t *testing.T) {
	for name, outcome := range map[string]provider.Charge{
		"captured another amount": {State: provider.Captured, Amount: money.New(1, "USD")},
		"speaks another language": {State: "gone", Amount: total},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				p.wire.At = outsidetest.FailOnce(afterCapture)
				_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
				requireCode(t, problem.Unavailable, err)
				p.wire.Provider = contradicting{Provider: p.wire.Provider, charge: outcome}
				requireCode(t, problem.Internal, p.Refund(t.Context(), refundOf("order-1", 1)))
				found, err := p.Payment(t.Context(), "order-1")
				require.NoError(t, err)
				require.Equal(t, payment.Refunding, found.Status)
				require.True(t, found.Captured.IsZero())
			})
		})
	}
}

// The provider has lost the charge: to try for ever is no answer, and neither
// is that the money is back.
func TestAProviderThatForgetsACharge(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		p.wire.At = func(here point) error {
			if here == beforeRefund {
				return provider.ErrUnknownKey
			}
			return nil
		}
		requireCode(t, problem.Internal, p.Refund(t.Context(), refundOf("order-1", 1)))
		s.requireMoney(t, "order-1", 9999, 0)
	})
}

// A refund may be under way at the provider for days.
func TestAChargeIsNotRefundedBeforeTheProviderSaysSo(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		require.NoError(t, err)
		bank := p.wire.Provider
		p.wire.Provider = contradicting{Provider: bank, refund: provider.Refund{State: provider.RefundPending, Amount: total}}
		requireCode(t, problem.Unavailable, p.Refund(t.Context(), refundOf("order-1", 1)))
		found, err := p.Payment(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, payment.Refunding, found.Status)
		require.True(t, found.Refunded.IsZero())

		p.wire.Provider = bank
		require.NoError(t, p.Refund(t.Context(), refundOf("order-1", 1)))
		s.requireMoney(t, "order-1", 9999, 9999)
	})
}

func TestACaptureOfAnotherAmountIsNotRecorded(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		p.wire.Provider = contradicting{
			Provider: p.wire.Provider, charge: provider.Charge{State: provider.Captured, Amount: money.New(1, "USD")},
		}
		_, err := p.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
		requireCode(t, problem.Internal, err)
		_, err = p.Payment(t.Context(), "order-1")
		requireCode(t, problem.NotFound, err)
	})
}

// contradicting answers everything that moves money with the same outcome.
type contradicting struct {
	internal.Provider
	charge provider.Charge
	refund provider.Refund
}

func (c contradicting) Capture(context.Context, provider.Request) (provider.Charge, error) {
	return c.charge, nil
}

func (c contradicting) Void(context.Context, string) (provider.Charge, error) {
	return c.charge, nil
}

func (c contradicting) Refund(context.Context, provider.RefundRequest) (provider.Refund, error) {
	return c.refund, nil
}
