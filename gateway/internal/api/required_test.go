package api_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/problem"
)

func TestWhatIsMissingInABodyIsCalledRequired(t *testing.T) {
	const notThere = "is required"
	g := newGateway(t)
	id := g.placed()
	for name, test := range map[string]struct {
		method, path, body string
		want               []string
	}{
		"order": {"POST", "/v1/orders", `{}`, []string{"/customerId", "/items", "/payment", "/shippingAddress"}},
		"parts of an order": {
			"POST", "/v1/orders", `{"customerId":"cust-ada","items":[{},{}],"payment":{},"shippingAddress":{}}`,
			[]string{
				"/items/0/productId", "/items/0/quantity", "/items/1/productId", "/items/1/quantity", "/payment/method",
				"/shippingAddress/name", "/shippingAddress/line1", "/shippingAddress/city", "/shippingAddress/country",
			},
		},
		"null": {
			"POST", "/v1/orders", `{"customerId":null,"items":null,"payment":null,"shippingAddress":null}`,
			[]string{"/customerId", "/items", "/payment", "/shippingAddress"},
		},
		"product":             {"PUT", "/v1/products/p", `{}`, []string{"/productId", "/name", "/unitPrice"}},
		"price":               {"PUT", "/v1/products/p", `{"productId":"p","name":"P","unitPrice":{}}`, []string{"/unitPrice/amount", "/unitPrice/currency"}},
		"customer":            {"PUT", "/v1/customers/c", `{}`, []string{"/customerId", "/name"}},
		"customer's address":  {"PUT", "/v1/customers/c", `{"customerId":"c","name":"C","address":{}}`, []string{"/address/line1", "/address/city", "/address/country"}},
		"stock":               {"PUT", "/v1/inventory/p", `{}`, []string{"/productId", "/onHand"}},
		"reason":              {"POST", "/v1/orders/" + id + "/cancel", `{}`, []string{"/reason"}},
		"reason of a release": {"POST", "/v1/ops/dependencies/payment/release", `{}`, []string{"/reason"}},
		"method of a fix":     {"POST", "/v1/orders/" + id + "/fix", `{"payment":{}}`, []string{"/payment/method"}},
	} {
		t.Run(name, func(t *testing.T) {
			answer := g.send(request{method: test.method, path: test.path, token: g.token("root", "admin ops"), body: test.body})
			document := answer.problem(problem.Invalid)
			assert.Equal(t, test.want, pointers(document))
			for _, field := range document.Errors {
				assert.Equal(t, notThere, field.Detail, field.Pointer)
			}
		})
	}
}
