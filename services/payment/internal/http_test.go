package internal_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/simulator"
	"orderflow/services/payment/paymenttest"
)

const goodCharge = `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"customerId":"cust-1",` +
	`"amount":{"amount":9999,"currency":"USD"},"method":"pm_card_visa"}`

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

func TestAnUnknownPaymentIsNotFound(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
		for _, orderID := range []string{"order-1", "..%2f", "%00", strings.Repeat("x", 65)} {
			answer, err := http.Get(service.URL + "/v1/payments/" + orderID)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusNotFound, answer.StatusCode, orderID)
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
		"no body":            {"/v1/charges", ``, problem.Malformed, ""},
		"unknown member":     {"/v1/charges", strings.Replace(goodCharge, `"method"`, `"card":"x","method"`, 1), problem.Malformed, "/card"},
		"no order":           {"/v1/charges", strings.Replace(goodCharge, "order-1", "", 1), problem.Invalid, "/key/orderId"},
		"path as an order":   {"/v1/charges", strings.Replace(goodCharge, "order-1", "../x", 1), problem.Invalid, "/key/orderId"},
		"no step":            {"/v1/charges", strings.Replace(goodCharge, "ChargePayment", "", 1), problem.Invalid, "/key/step"},
		"revision 0":         {"/v1/charges", strings.Replace(goodCharge, `"revision":1`, `"revision":0`, 1), problem.Invalid, "/key/revision"},
		"no customer":        {"/v1/charges", strings.Replace(goodCharge, "cust-1", "", 1), problem.Invalid, "/customerId"},
		"negative amount":    {"/v1/charges", strings.Replace(goodCharge, "9999", "-1", 1), problem.Invalid, "/amount/amount"},
		"huge amount":        {"/v1/charges", strings.Replace(goodCharge, "9999", "1000000000000001", 1), problem.Invalid, "/amount/amount"},
		"amount of 2^63":     {"/v1/charges", strings.Replace(goodCharge, "9999", "9223372036854775808", 1), problem.Invalid, "/amount/amount"},
		"fraction":           {"/v1/charges", strings.Replace(goodCharge, "9999", "1.5", 1), problem.Invalid, "/amount/amount"},
		"amount as text":     {"/v1/charges", strings.Replace(goodCharge, "9999", `"2"`, 1), problem.Invalid, "/amount/amount"},
		"unknown currency":   {"/v1/charges", strings.Replace(goodCharge, "USD", "usd", 1), problem.Invalid, "/amount/currency"},
		"no method":          {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", "", 1), problem.Invalid, "/method"},
		"card number":        {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", "4242 4242 4242 4242", 1), problem.Invalid, "/method"},
		"NUL in the method":  {"/v1/charges", strings.Replace(goodCharge, "pm_card_visa", `pm\u0000`, 1), problem.Invalid, "/method"},
		"refund without key": {"/v1/charges/refund", `{"reason":"x"}`, problem.Invalid, "/key/orderId"},
		"refund with a line break in its reason": {
			"/v1/charges/refund", `{"key":{"orderId":"order-1","step":"ChargePayment","revision":1},"reason":"a\nb"}`, problem.Invalid, "/reason",
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := http.Post(service.URL+test.path, "application/json", strings.NewReader(test.body))
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, test.code.Status(), answer.StatusCode, string(text))
			var document problem.Document
			require.NoError(t, json.Unmarshal(text, &document))
			require.Equal(t, test.code.Type(), document.Type)
			if test.pointer != "" {
				require.Equal(t, test.pointer, document.Errors[0].Pointer, string(text))
			}
		})
	}
	// The tombstone or the charge of a refused body would show here.
	paid, err := service.Charge(t.Context(), chargeOf("order-1", 1, simulator.MethodVisa))
	require.NoError(t, err)
	require.Equal(t, payment.Captured, paid.Status)
}
