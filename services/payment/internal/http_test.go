package internal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
	"orderflow/services/payment/paymenttest"
)

const goodCharge = `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"customerId":"cust-1",` +
	`"amount":{"amount":9999,"currency":"USD"},"method":"pm_card_visa"}`

const goodRefund = `{"key":{"orderId":"order-1","step":"AgreedRefund","revision":1},` +
	`"amount":{"amount":4000,"currency":"USD"},"reason":"a dent in the kettle"}`

func TestChargeAndRefundOverHTTP(t *testing.T) {
	service := paymenttest.Start(t)
	paid, err := service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
	require.NoError(t, err)
	require.Equal(t, payment.Captured, paid.Status)
	statement, err := service.AtProvider(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, paymenttest.Statement{Captured: total, Live: 1}, statement)

	require.NoError(t, service.Refund(t.Context(), refundOf("order-1", 1)))
	found, err := service.Payment(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, payment.Refunded, found.Status)
	_, err = service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
	require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))

	_, err = service.Charge(t.Context(), chargeOf("order-2", 1, simulator.MethodDeclined))
	require.Equal(t, problem.PaymentDeclined, problem.CodeOf(err))
	require.Contains(t, err.Error(), "the card was declined")
}

func TestAnAgreedRefundOverHTTP(t *testing.T) {
	service := paymenttest.Start(t)
	_, err := service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodRefundFail))
	require.NoError(t, err)
	_, err = service.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
	requireCode(t, problem.RefundRefused, err)
	require.NoError(t, service.SimulateRefunds(t.Context(), "order-1", payment.AcceptRefunds))
	given, err := service.RefundAgreed(t.Context(), agreedOf("order-1", 2, 4000))
	require.NoError(t, err)
	require.Equal(t, payment.RefundSettled, given.State)

	_, err = service.RefundAgreed(t.Context(), agreedOf("order-1", 3, 6000))
	requireCode(t, problem.Conflict, err)
	require.Equal(t, "/amount/amount", problem.From(err).Fields[0].Pointer)
	other := agreedOf("order-1", 3, 1)
	other.Amount.Currency = "EUR"
	_, err = service.RefundAgreed(t.Context(), other)
	requireCode(t, problem.Invalid, err)
	require.Equal(t, "/amount/currency", problem.From(err).Fields[0].Pointer)

	list, err := service.Refunds(t.Context(), "order-1")
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	require.Equal(t, payment.RefundFailed, list.Items[0].State)
	require.Equal(t, given, list.Items[1])
	none, err := service.Refunds(t.Context(), "order-2")
	require.NoError(t, err)
	require.Empty(t, none.Items)
}

// The effect is committed and the answer is lost on its way.
func TestAnAnswerThatWasLostComesAgain(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
	_, err := service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
	require.NoError(t, err)
	losing := paymenttest.Start(t, paymenttest.WithDSN(dsn), chassistest.WithFaults(faults.Spec{Lost: 1}))
	_, err = losing.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
	require.Error(t, err)
	given, err := service.RefundAgreed(t.Context(), agreedOf("order-1", 1, 4000))
	require.NoError(t, err)
	require.Equal(t, payment.RefundSettled, given.State)
	statement, err := service.AtProvider(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, money.New(4000, "USD"), statement.Refunded)
}

func TestAnUnknownPaymentIsNotFound(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
		for _, orderID := range []string{"order-1", "..%2f", "%00", strings.Repeat("x", 65)} {
			answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/payments/"+orderID, "")
			require.Equal(t, http.StatusNotFound, answer.Status, orderID)
			if orderID == "order-1" {
				continue // it may have refunds one day
			}
			answer = chassistest.Send(t, http.MethodGet, service.URL+"/v1/payments/"+orderID+"/refunds", "")
			require.Equal(t, http.StatusNotFound, answer.Status, orderID)
		}
	})
}

func TestBadInputIsRefusedByFieldAndChangesNothing(t *testing.T) {
	service := paymenttest.Start(t)
	for name, test := range map[string]struct {
		path, body string
		code       problem.Code
		pointer    string
	}{
		"no body":                   {"/v1/charges", ``, problem.Malformed, ""},
		"unknown member":            {"/v1/charges", strings.Replace(goodCharge, `"method"`, `"card":"x","method"`, 1), problem.Malformed, "/card"},
		"no order":                  {"/v1/charges", strings.Replace(goodCharge, "order-1", "", 1), problem.Invalid, "/key/orderId"},
		"path as an order":          {"/v1/charges", strings.Replace(goodCharge, "order-1", "../x", 1), problem.Invalid, "/key/orderId"},
		"no step":                   {"/v1/charges", strings.Replace(goodCharge, "ChargePayment", "", 1), problem.Invalid, "/key/step"},
		"revision 0":                {"/v1/charges", strings.Replace(goodCharge, `"revision":1`, `"revision":0`, 1), problem.Invalid, "/key/revision"},
		"no customer":               {"/v1/charges", strings.Replace(goodCharge, "cust-1", "", 1), problem.Invalid, "/customerId"},
		"negative amount":           {"/v1/charges", strings.Replace(goodCharge, "9999", "-1", 1), problem.Invalid, "/amount/amount"},
		"huge amount":               {"/v1/charges", strings.Replace(goodCharge, "9999", "1000000000000001", 1), problem.Invalid, "/amount/amount"},
		"amount of 2^63":            {"/v1/charges", strings.Replace(goodCharge, "9999", "9223372036854775808", 1), problem.Invalid, "/amount/amount"},
		"fraction":                  {"/v1/charges", strings.Replace(goodCharge, "9999", "1.5", 1), problem.Invalid, "/amount/amount"},
		"amount as text":            {"/v1/charges", strings.Replace(goodCharge, "9999", `"2"`, 1), problem.Invalid, "/amount/amount"},
		"unknown currency":          {"/v1/charges", strings.Replace(goodCharge, "USD", "usd", 1), problem.Invalid, "/amount/currency"},
		"no method":                 {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", "", 1), problem.Invalid, "/method"},
		"card number":               {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", "4242 4242 4242 4242", 1), problem.Invalid, "/method"},
		"NUL in the method":         {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", `pm\u0000`, 1), problem.Invalid, "/method"},
		"refund without key":        {"/v1/charges/refund", `{"reason":"x"}`, problem.Invalid, "/key/orderId"},
		"agreed: no body":           {"/v1/refunds", ``, problem.Malformed, ""},
		"agreed: unknown member":    {"/v1/refunds", strings.Replace(goodRefund, `"reason"`, `"kind":"agreed","reason"`, 1), problem.Malformed, "/kind"},
		"agreed: no key":            {"/v1/refunds", `{"amount":{"amount":1,"currency":"USD"},"reason":"x"}`, problem.Invalid, "/key/orderId"},
		"agreed: path as an order":  {"/v1/refunds", strings.Replace(goodRefund, "order-1", "../x", 1), problem.Invalid, "/key/orderId"},
		"agreed: amount 0":          {"/v1/refunds", strings.Replace(goodRefund, "4000", "0", 1), problem.Invalid, "/amount/amount"},
		"agreed: no amount":         {"/v1/refunds", strings.Replace(goodRefund, `"amount":{"amount":4000,"currency":"USD"},`, "", 1), problem.Invalid, "/amount/amount"},
		"agreed: negative amount":   {"/v1/refunds", strings.Replace(goodRefund, "4000", "-1", 1), problem.Invalid, "/amount/amount"},
		"agreed: huge amount":       {"/v1/refunds", strings.Replace(goodRefund, "4000", "1000000000000001", 1), problem.Invalid, "/amount/amount"},
		"agreed: amount of 2^63":    {"/v1/refunds", strings.Replace(goodRefund, "4000", "9223372036854775808", 1), problem.Invalid, "/amount/amount"},
		"agreed: amount of 1e308":   {"/v1/refunds", strings.Replace(goodRefund, "4000", "1e308", 1), problem.Invalid, "/amount/amount"},
		"agreed: fraction":          {"/v1/refunds", strings.Replace(goodRefund, "4000", "0.5", 1), problem.Invalid, "/amount/amount"},
		"agreed: no currency":       {"/v1/refunds", strings.Replace(goodRefund, "USD", "", 1), problem.Invalid, "/amount/currency"},
		"agreed: unknown currency":  {"/v1/refunds", strings.Replace(goodRefund, "USD", "usd", 1), problem.Invalid, "/amount/currency"},
		"agreed: no reason":         {"/v1/refunds", strings.Replace(goodRefund, "a dent in the kettle", "", 1), problem.Invalid, "/reason"},
		"agreed: huge reason":       {"/v1/refunds", strings.Replace(goodRefund, "a dent in the kettle", strings.Repeat("x", 1001), 1), problem.Invalid, "/reason"},
		"agreed: NUL in the reason": {"/v1/refunds", strings.Replace(goodRefund, "a dent", `\u0000`, 1), problem.Invalid, "/reason"},
		"refund with a huge reason": {
			"/v1/charges/refund", `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"reason":"` + strings.Repeat("x", 1001) + `"}`,
			problem.Invalid, "/reason",
		},
		"refund with an amount": {
			"/v1/charges/refund", `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"reason":"","amount":{"amount":1,"currency":"USD"}}`,
			problem.Malformed, "/amount",
		},
		"refund with a line break in its reason": {
			"/v1/charges/refund", `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"reason":"a\nb"}`, problem.Invalid, "/reason",
		},
	} {
		t.Run(name, func(t *testing.T) {
			chassistest.RequireRefused(t, service.URL+test.path, test.body, test.code, test.pointer)
		})
	}
	// The tombstone, the charge or the refund of a refused body would show here.
	list, err := service.Refunds(t.Context(), "order-1")
	require.NoError(t, err)
	require.Empty(t, list.Items)
	paid, err := service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
	require.NoError(t, err)
	require.Equal(t, payment.Captured, paid.Status)
}
