package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/services/money"
	"orderflow/workflows/contract"
)

func kettles(lines int) contract.PlaceOrderInput {
	in := contract.PlaceOrderInput{
		OrderID: "order-1", CustomerID: "cust-ada", CustomerName: "Ada", PaymentMethod: "pm_card_visa",
		Total:           money.New(9998, "USD"),
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 St James's Square", City: "London", Country: "GB"},
	}
	for range lines {
		in.Items = append(in.Items, contract.Item{
			ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD"),
		})
	}
	return in
}

func TestARunIsDescribedByWhatWasOrdered(t *testing.T) {
	for lines, summary := range map[int]string{1: "1 product, 99.98 USD", 3: "3 products, 99.98 USD"} {
		assert.Equal(t, summary, kettles(lines).Summary())
		details := kettles(lines).Details()
		assert.Equal(t, lines, strings.Count(details, "| Kettle (prod-kettle) | 2 | 49.99 USD |"))
		assert.Contains(t, details, "**Total: 99.98 USD**")
	}
}

func TestARecoverySaysSoAndWhy(t *testing.T) {
	in := kettles(1)
	in.Recovery = &contract.Recovery{Reason: "its workflow was terminated"}
	assert.Equal(t, "recovery: 1 product, 99.98 USD", in.Summary())
	assert.Contains(t, in.Details(), "**Recovery**: its workflow was terminated.")
	assert.Contains(t, in.Details(), "| Kettle (prod-kettle) | 2 | 49.99 USD |")

	in = contract.PlaceOrderInput{OrderID: "order-1", Recovery: in.Recovery}
	assert.Equal(t, "recovery: an order without a record", in.Summary())
	assert.NotContains(t, in.Details(), "Total", "nothing is known of it")
}

func TestTheTemporalUIShowsNobodysNameOrAddress(t *testing.T) {
	in := kettles(2)
	for _, recovery := range []*contract.Recovery{nil, {Reason: "its workflow was lost"}} {
		in.Recovery = recovery
		for _, private := range []string{"Ada", "Lovelace", "James", "London", "pm_card"} {
			assert.NotContains(t, in.Summary()+in.Details(), private)
		}
	}
}

func TestDetailsStaySmallAndInert(t *testing.T) {
	in := kettles(0)
	hostile := "a|b<img src=x>`[l](http://x)" + strings.Repeat("é", 200)
	for range 100 {
		in.Items = append(in.Items, contract.Item{ProductID: strings.Repeat("p", 64), ProductName: hostile, Quantity: 1, UnitPrice: money.New(1, "USD")})
	}
	assert.Less(t, len(in.Details()), 15_000)
	assert.Less(t, len(in.Summary()), 200)
	assert.Contains(t, in.Details(), "and 75 more")
	for _, live := range []string{"<img", "a|b", "[l]("} {
		assert.NotContains(t, in.Details(), live)
	}
}
