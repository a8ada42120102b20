package simulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
	"orderflow/services/money"
	"orderflow/services/payment/internal/provider"
	"orderflow/services/payment/internal/simulator"
)

func refundOf(key string, amount int64) provider.RefundRequest {
	return provider.RefundRequest{Key: key, ChargeKey: "key-1", Amount: money.New(amount, "USD")}
}

func capture(t *testing.T, bank *simulator.Simulator, method string) {
	t.Helper()
	charge, err := bank.Capture(t.Context(), request("key-1", method))
	require.NoError(t, err)
	require.Equal(t, provider.Captured, charge.State)
}

func requireRefund(t *testing.T, bank *simulator.Simulator, request provider.RefundRequest, want provider.RefundState) provider.Refund {
	t.Helper()
	given, err := bank.Refund(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, want, given.State, given.Reason)
	require.Equal(t, request.Amount, given.Amount)
	require.Equal(t, want == provider.RefundRefused, given.Reason != "")
	require.Equal(t, want == provider.RefundSettled, given.Reference != "")
	return given
}

func TestRefundsOfPartsMakeAChargeRefunded(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		capture(t, bank, simulator.MethodVisa)
		first := requireRefund(t, bank, refundOf("refund-1", 4000), provider.RefundSettled)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Refunded: money.New(4000, "USD"), Live: 1})
		charge, err := bank.Lookup(t.Context(), "key-1")
		require.NoError(t, err)
		require.Equal(t, provider.Captured, charge.State)

		second := requireRefund(t, bank, refundOf("refund-2", 5999), provider.RefundSettled)
		require.NotEqual(t, first.Reference, second.Reference)
		charge, err = bank.Capture(t.Context(), request("key-1", simulator.MethodVisa))
		require.NoError(t, err)
		require.Equal(t, provider.Refunded, charge.State, "money does not leave twice under one key")
		require.Equal(t, money.New(9999, "USD"), charge.Amount)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Refunded: money.New(9999, "USD")})
	})
}

func TestARefundHappensOnceAKey(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		capture(t, bank, simulator.MethodVisa)
		_, err := bank.LookupRefund(t.Context(), "refund-1")
		require.ErrorIs(t, err, provider.ErrUnknownKey)
		first := requireRefund(t, bank, refundOf("refund-1", 4000), provider.RefundSettled)
		require.Equal(t, first, requireRefund(t, bank, refundOf("refund-1", 4000), provider.RefundSettled))
		found, err := bank.LookupRefund(t.Context(), "refund-1")
		require.NoError(t, err)
		require.Equal(t, first, found)

		_, err = bank.Refund(t.Context(), refundOf("refund-1", 4001))
		require.ErrorIs(t, err, provider.ErrKeyReused)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Refunded: money.New(4000, "USD"), Live: 1})
	})
}

func TestNothingGoesBackAsARefundOfNothing(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		free := request("key-1", simulator.MethodVisa)
		free.Amount = money.Zero("USD")
		_, err := bank.Capture(t.Context(), free)
		require.NoError(t, err)
		requireStatement(t, bank, simulator.Statement{Captured: money.Zero("USD"), Live: 1})
		requireRefund(t, bank, refundOf("refund-1", 0), provider.RefundSettled)
		requireStatement(t, bank, simulator.Statement{Captured: money.Zero("USD"), Refunded: money.Zero("USD")})
	})
}

func TestARefundIsRefusedWhereThereIsNoSuchMoney(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		amount money.Money
		reason string
	}{
		"more than was captured":  {simulator.MethodVisa, money.New(10000, "USD"), "less than that is left of the charge"},
		"in another currency":     {simulator.MethodVisa, money.New(1, "EUR"), "the charge is in another currency"},
		"nothing":                 {simulator.MethodVisa, money.Zero("USD"), "the amount is nothing"},
		"of a declined charge":    {simulator.MethodDeclined, money.New(1, "USD"), "nothing of the charge is left"},
		"by the customer's bank":  {simulator.MethodRefundFail, money.New(1, "USD"), "the customer's bank does not take refunds"},
		"more, and by the bank":   {simulator.MethodRefundFail, money.New(10000, "USD"), "less than that is left of the charge"},
		"of a declined one, more": {simulator.MethodInsufficientFunds, money.New(10000, "USD"), "nothing of the charge is left"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, bank *simulator.Simulator) {
				_, err := bank.Capture(t.Context(), request("key-1", test.method))
				require.NoError(t, err)
				before, err := bank.Statement(t.Context(), "order-1")
				require.NoError(t, err)
				refused := requireRefund(t, bank,
					provider.RefundRequest{Key: "refund-1", ChargeKey: "key-1", Amount: test.amount}, provider.RefundRefused)
				require.Equal(t, test.reason, refused.Reason)
				requireStatement(t, bank, before)
			})
		})
	}
}

func TestARefundOfAnUnknownChargeLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		_, err := bank.Refund(t.Context(), refundOf("refund-1", 1))
		require.ErrorIs(t, err, provider.ErrUnknownKey)
		_, err = bank.LookupRefund(t.Context(), "refund-1")
		require.ErrorIs(t, err, provider.ErrUnknownKey)
	})
}

// What was refused stays refused; the switch is for the refunds after it.
func TestTheSwitchDecidesAboutLaterRefunds(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		capture(t, bank, simulator.MethodRefundFail)
		requireRefund(t, bank, refundOf("refund-1", 4000), provider.RefundRefused)
		require.NoError(t, bank.SetRefunds(t.Context(), "order-2", true))
		requireRefund(t, bank, refundOf("refund-2", 4000), provider.RefundRefused)

		require.NoError(t, bank.SetRefunds(t.Context(), "order-1", true))
		requireRefund(t, bank, refundOf("refund-1", 4000), provider.RefundRefused)
		requireRefund(t, bank, refundOf("refund-3", 4000), provider.RefundSettled)
		require.NoError(t, bank.SetRefunds(t.Context(), "order-1", false))
		requireRefund(t, bank, refundOf("refund-4", 4000), provider.RefundRefused)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Refunded: money.New(4000, "USD"), Live: 1})
	})
}

// Ten refunds of a third each: three of them find their money.
func TestRefundsAtOnceNeverExceedTheCharge(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		capture(t, bank, simulator.MethodVisa)
		var all sync.WaitGroup
		states := make([]provider.RefundState, 10)
		for i := range states {
			all.Go(func() {
				given, err := bank.Refund(t.Context(), refundOf(fmt.Sprintf("refund-%d", i), 3333))
				assert.NoError(t, err)
				states[i] = given.State
			})
		}
		all.Wait()
		settled := 0
		for _, state := range states {
			if state == provider.RefundSettled {
				settled++
			}
		}
		require.Equal(t, 3, settled)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Refunded: money.New(9999, "USD")})
	})
}

func TestTheSwitchIsMovedByHand(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		engine := httpserver.NewEngine(httpserver.Options{Name: "payment"})
		simulator.Routes(bank)(engine)
		put := func(path, body string) (status int, answer string) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, strings.NewReader(body))
			request.Header.Set("Content-Type", "application/json")
			recorder := httptest.NewRecorder()
			engine.ServeHTTP(recorder, request)
			return recorder.Code, recorder.Body.String()
		}
		capture(t, bank, simulator.MethodVisa)
		for _, test := range []struct {
			path, body string
			status     int
			says       string
		}{
			{"/v1/simulator/refunds/order-1", `{}`, http.StatusUnprocessableEntity, `"/refunds"`},
			{"/v1/simulator/refunds/order-1", `{"refunds":"never"}`, http.StatusUnprocessableEntity, `"/refunds"`},
			{"/v1/simulator/refunds/order-1", `{"refunds":true}`, http.StatusUnprocessableEntity, `"/refunds"`},
			{"/v1/simulator/refunds/order-1", `{"refunds":"refuse","until":"x"}`, http.StatusBadRequest, `"/until"`},
			{"/v1/simulator/refunds/%00", `{"refunds":"refuse"}`, http.StatusNotFound, ""},
		} {
			status, answer := put(test.path, test.body)
			require.Equal(t, test.status, status, answer)
			require.Contains(t, answer, test.says)
		}
		requireRefund(t, bank, refundOf("refund-1", 1), provider.RefundSettled)
		status, _ := put("/v1/simulator/refunds/order-1", `{"refunds":"refuse"}`)
		require.Equal(t, http.StatusNoContent, status)
		requireRefund(t, bank, refundOf("refund-2", 1), provider.RefundRefused)
		status, _ = put("/v1/simulator/refunds/order-1", `{"refunds":"accept"}`)
		require.Equal(t, http.StatusNoContent, status)
		requireRefund(t, bank, refundOf("refund-3", 1), provider.RefundSettled)
	})
}
