package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

const validAddress = `{"name":"Ada Lovelace","line1":"12 St James's Square","line2":null,"city":"London","postalCode":"SW1Y 4JH","country":"GB"}`

func (g *gateway) fix(orderID, token, body string) answer {
	g.t.Helper()
	return g.post("/v1/orders/"+orderID+"/fix", token, body)
}

func TestAFixReplacesWhatWasRefused(t *testing.T) {
	address := contract.Address{Name: "Ada Lovelace", Line1: "12 St James's Square", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	for body, sent := range map[string]contract.FixRequest{
		`{"payment":{"method":"pm_card_visa"}}`:                               {PaymentMethod: "pm_card_visa", Reason: "fixed by the customer"},
		`{"payment":{"method":"pm_card_visa"},"shippingAddress":null}`:        {PaymentMethod: "pm_card_visa", Reason: "fixed by the customer"},
		`{"payment":{"method":"pm_card_visa"},"reason":"another card"}`:       {PaymentMethod: "pm_card_visa", Reason: "another card"},
		`{"shippingAddress":` + validAddress + `,"reason":null}`:              {ShippingAddress: &address, Reason: "fixed by the customer"},
		`{"shippingAddress":` + validAddress + `,"reason":"wrong post code"}`: {ShippingAddress: &address, Reason: "wrong post code"},
	} {
		g := newGateway(t)
		id := g.placed()
		answer := g.fix(id, g.ada(), body)
		require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
		require.Len(t, g.temporal.Updates(), 1)
		sent.RequestedBy = "cust-ada"
		assert.Equal(t, contract.UpdateFix, g.temporal.Updates()[0].UpdateName)
		assert.Equal(t, []any{sent}, g.temporal.Updates()[0].Args)
	}
}

// What may replace a part of a placement is what a placement may have.
func TestABadFixNamesTheField(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	address := func(old, replacement string) string {
		require.Contains(t, validAddress, old)
		return `{"shippingAddress":` + strings.Replace(validAddress, old, replacement, 1) + `}`
	}
	for body, test := range map[string]struct {
		code    problem.Code
		pointer string
	}{
		`{}`:                 {problem.Invalid, "/payment"},
		`{"reason":"x"}`:     {problem.Invalid, "/payment"},
		`{"payment":null}`:   {problem.Invalid, "/payment"},
		`{"payment":{}}`:     {problem.Invalid, "/payment/method"},
		`{"payment":"visa"}`: {problem.Invalid, "/payment"},
		`{"payment":{"method":"pm_card_visa"},"shippingAddress":` + validAddress + `}`: {problem.Invalid, "/shippingAddress"},

		`{"payment":{"method":"4242 4242 4242 4242"}}`:                      {problem.Invalid, "/payment/method"},
		`{"payment":{"method":"4242-4242-4242-4242"}}`:                      {problem.Invalid, "/payment/method"},
		`{"payment":{"method":"` + strings.Repeat("p", 201) + `"}}`:         {problem.Invalid, "/payment/method"},
		`{"payment":{"method":"pm_card_visa","cvc":"123"}}`:                 {problem.Malformed, "/payment/cvc"},
		`{"payment":{"method":"pm_card_visa"},"items":[]}`:                  {problem.Malformed, "/items"},
		`{"payment":{"method":"pm_card_visa"},"payment":{"method":"pm_x"}}`: {problem.Malformed, "/payment"},

		`{"shippingAddress":{}}`:                                       {problem.Invalid, "/shippingAddress/line1"},
		address(`"name":"Ada Lovelace",`, ""):                          {problem.Invalid, "/shippingAddress/name"},
		address(`"GB"`, `"G"`):                                         {problem.Invalid, "/shippingAddress/country"},
		address(`Ada Lovelace`, `Ada\r\nX`):                            {problem.Invalid, "/shippingAddress/name"},
		address(`"SW1Y 4JH"`, `12345`):                                 {problem.Invalid, "/shippingAddress/postalCode"},
		address(`"city":"London"`, `"city":"London","planet":"Earth"`): {problem.Malformed, "/shippingAddress/planet"},
	} {
		answer := g.fix(id, g.ada(), body)
		assert.Contains(t, pointers(answer.problem(test.code)), test.pointer, body)
		assert.NotContains(t, answer.Body.String(), "4242", "a card number is not repeated")
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestAFixThatNobodyWaitsForIsAConflict(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	body := `{"payment":{"method":"pm_card_visa"}}`
	require.Equal(t, http.StatusAccepted, g.fix(id, g.ada(), body).Code)
	g.temporal.Update = refuse(contract.ErrorNothingToFix)
	g.fix(id, g.ada(), body).problem(problem.Conflict)
	g.becomes(id, order.Cancelled, order.SagaCompensated)
	g.fix(id, g.ada(), body).problem(problem.Conflict)
	assert.Len(t, g.temporal.Updates(), 2, "a cancelled order is not asked")
}

func TestOnlyOwnersAndAdminsFix(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	body := `{"payment":{"method":"pm_card_visa"}}`
	g.fix(id, g.token("eve", "ops orders:write"), body).problem(problem.Forbidden)
	g.fix(id, g.token("cust-bob", "orders:write orders:read"), body).problem(problem.NotFound)
	assert.Empty(t, g.temporal.Updates())
	assert.Equal(t, http.StatusAccepted, g.fix(id, g.token("root", "admin"), body).Code)
}
