package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
)

func TestALineIsToldByItsFields(t *testing.T) {
	price, expected, stock := int64(1800), int64(3600), int64(39)
	tests := []struct {
		name, line string
		want       dataset.Record
	}{
		{
			"product", `{"productId":"nw-1","name":"Chai","unitPrice":1800,"currency":"USD","stock":39}`,
			&dataset.Product{ProductID: "nw-1", Name: "Chai", UnitPrice: &price, Currency: "USD", Stock: &stock},
		},
		{
			"customer whose region is null", `{"customerId":"nw-A","name":"Alfreds","address":{"line1":"Obere Str. 57","city":"Berlin","region":null,"country":"Germany"}}`,
			&dataset.Customer{
				CustomerID: "nw-A", Name: "Alfreds",
				Address: &gatewayclient.Address{Line1: "Obere Str. 57", City: "Berlin", Country: "Germany"},
			},
		},
		{
			"order", `{"reference":"nw-10248","customerId":"nw-A","placedAt":"1996-07-04","items":[{"productId":"nw-1","quantity":2}],"expectedTotal":3600,"currency":"USD"}`,
			&dataset.Order{
				Reference: "nw-10248", CustomerID: "nw-A", PlacedAt: "1996-07-04",
				Items:         []gatewayclient.PlacementItem{{ProductID: "nw-1", Quantity: 2}},
				ExpectedTotal: &expected, Currency: "USD",
			},
		},
		{
			"order by its reference alone", `{"reference":"r","customerId":"c"}`,
			&dataset.Order{Reference: "r", CustomerID: "c"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := dataset.Decode([]byte(test.line))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAMalformedLineIsNamedByWhatIsWrong(t *testing.T) {
	tests := []struct{ name, line, reason string }{
		{"no JSON", `{"productId":`, "no JSON object"},
		{"array", `[1,2]`, "no JSON object"},
		{"number", `7`, "no JSON object"},
		{"no fields", `{}`, "neither a product nor a customer nor an order"},
		{"null", `null`, "neither a product nor a customer nor an order"},
		{"unknown field", `{"productId":"p","unitPrice":1,"currency":"USD","prize":2}`, "/prize is unknown"},
		{"product and order at once", `{"productId":"p","reference":"r"}`, "/productId is unknown"},
		{"duplicate field", `{"customerId":"a","customerId":"b"}`, "/customerId stands twice"},
		{"price that is no integer", `{"productId":"p","unitPrice":1.5,"currency":"USD"}`, "/unitPrice must be an integer"},
		{"price that is an object", `{"productId":"p","unitPrice":{"amount":1},"currency":"USD"}`, "/unitPrice must be an integer"},
		{"quantity that is text", `{"reference":"r","items":[{"productId":"p","quantity":"2"}]}`, "/items/0/quantity must be an integer"},
		{"product without a price", `{"productId":"p","currency":"USD"}`, "/unitPrice is required"},
		{"product without a currency", `{"productId":"p","unitPrice":1}`, "/currency is required"},
		{"order without a reference", `{"customerId":"c","items":[]}`, "/reference is required"},
		{"reference that is no ID", `{"reference":"a b","items":[]}`, "/reference must be 1 to 64"},
		{"product ID that leaves its path", `{"productId":"../orders","unitPrice":1,"currency":"USD"}`, "/productId must be"},
		{"customer ID that is empty", `{"customerId":"","name":"x"}`, "/customerId is required"},
		{"trailing data", `{"customerId":"c"} {}`, "no JSON object"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			record, err := dataset.Decode([]byte(test.line))
			require.ErrorContains(t, err, test.reason)
			assert.Nil(t, record)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "body")
		})
	}
}

func TestAnOrderWithoutPaymentPaysWithTheDefault(t *testing.T) {
	plain := dataset.Order{CustomerID: "c"}
	assert.Equal(t, "pm_card_visa", plain.Placement().Payment.Method)

	named := dataset.Order{Payment: &gatewayclient.PlacementPayment{Method: "pm_card_chargeDeclined"}}
	assert.Equal(t, "pm_card_chargeDeclined", named.Placement().Payment.Method)
}

func TestAnOrderOutsideAFileNeedsNoReference(t *testing.T) {
	order, err := dataset.DecodeOrder([]byte(`{"customerId":"c","items":[{"productId":"p","quantity":1}]}`))
	require.NoError(t, err)
	assert.Empty(t, order.Reference)

	_, err = dataset.DecodeOrder([]byte(`{"reference":"a b"}`))
	require.ErrorContains(t, err, "/reference must be")
}

// Whatever a line holds, it is a record of a known kind with a usable ID, or
// an error of one line.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"productId":"nw-1","name":"Chai","unitPrice":1800,"currency":"USD","stock":39,"demand":828}`,
		`{"customerId":"nw-A","name":"A","address":{"line1":"x","city":"y","region":null,"country":"Germany"}}`,
		`{"reference":"nw-1","customerId":"nw-A","items":[{"productId":"nw-1","quantity":12}],"expectedTotal":1,"currency":"USD"}`,
		`{"productId":"a","productId":"b"}`, `null`, ``, "\xff", `{"items":{}}`, `{"reference":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		record, err := dataset.Decode(line)
		if err != nil {
			require.Nil(t, record)
			require.NotEmpty(t, err.Error())
			return
		}
		require.Regexp(t, `^(product|customer|order) [A-Za-z0-9][A-Za-z0-9._-]{0,63}$`, record.Label())
	})
}
