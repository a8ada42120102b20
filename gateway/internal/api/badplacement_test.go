package api_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
)

// badPlacements are the rows of bad input that concern an order's body, each
// with the answer that the contract wants.
func badPlacements() map[string]struct {
	body    string
	code    problem.Code
	pointer string
} {
	type bad = struct {
		body    string
		code    problem.Code
		pointer string
	}
	change := func(old, replacement string) string {
		if !strings.Contains(validBody, old) {
			panic("the valid body has no " + old)
		}
		return strings.Replace(validBody, old, replacement, 1)
	}
	items := func(items string) string {
		head, rest, _ := strings.Cut(validBody, `"items":[`)
		_, tail, _ := strings.Cut(rest, "]")
		return head + `"items":[` + items + "]" + tail
	}
	line := `{"productId":"prod-kettle","quantity":1}`
	return map[string]bad{
		"truncated":       {validBody[:100], problem.Malformed, ""},
		"array":           {"[" + validBody + "]", problem.Malformed, ""},
		"null":            {"null", problem.Malformed, ""},
		"string":          {`"order"`, problem.Malformed, ""},
		"trailing data":   {validBody + "{}", problem.Malformed, ""},
		"duplicate key":   {change(`"customerId":"cust-ada"`, `"customerId":"cust-ada","customerId":"cust-ada"`), problem.Malformed, "/customerId"},
		"unknown field":   {change(`"customerId"`, `"coupon":"x","customerId"`), problem.Malformed, "/coupon"},
		"other case":      {change(`"customerId"`, `"CustomerId"`), problem.Malformed, "/CustomerId"},
		"10,000 deep":     {strings.Repeat(`{"items":[`, 5000), problem.Malformed, ""},
		"over 1 MiB":      {change(`"Ada Lovelace"`, `"`+strings.Repeat("x", 1<<20)+`"`), problem.TooLarge, ""},
		"invalid UTF-8":   {change("Ada Lovelace", "Ada \xff"), problem.Malformed, ""},
		"lone surrogate":  {change("Ada Lovelace", `Ada \ud800`), problem.Malformed, ""},
		"client price":    {items(`{"productId":"prod-kettle","quantity":1,"unitPrice":{"amount":1,"currency":"USD"}}`), problem.Malformed, "/items/0/unitPrice"},
		"client total":    {change(`"customerId"`, `"totalAmount":{"amount":1,"currency":"USD"},"customerId"`), problem.Malformed, "/totalAmount"},
		"client order ID": {change(`"customerId"`, `"orderId":"order-x","customerId"`), problem.Malformed, "/orderId"},

		"quantity 0":             {change(`"quantity":2`, `"quantity":0`), problem.Invalid, "/items/0/quantity"},
		"quantity -1":            {change(`"quantity":2`, `"quantity":-1`), problem.Invalid, "/items/0/quantity"},
		"quantity 1.5":           {change(`"quantity":2`, `"quantity":1.5`), problem.Invalid, "/items/0/quantity"},
		"quantity 1e308":         {change(`"quantity":2`, `"quantity":1e308`), problem.Invalid, "/items/0/quantity"},
		"quantity 2^63":          {change(`"quantity":2`, `"quantity":9223372036854775808`), problem.Invalid, "/items/0/quantity"},
		"quantity as string":     {change(`"quantity":2`, `"quantity":"2"`), problem.Invalid, "/items/0/quantity"},
		"quantity null":          {change(`"quantity":2`, `"quantity":null`), problem.Invalid, "/items/0/quantity"},
		"no quantity":            {change(`,"quantity":2`, ``), problem.Invalid, "/items/0/quantity"},
		"total overflows":        {change(`"quantity":2`, fmt.Sprintf(`"quantity":%d`, math.MaxInt64/2)), problem.Invalid, "/items/0/quantity"},
		"sum of lines overflows": {items(fmt.Sprintf(`{"productId":"prod-kettle","quantity":%d},%s`, math.MaxInt64, line)), problem.Invalid, "/items/1/quantity"},
		"sum of total overflows": {items(`{"productId":"prod-dear","quantity":1},{"productId":"prod-cup","quantity":1},{"productId":"prod-dear","quantity":1}`), problem.Invalid, "/items/0/quantity"},

		"no items":             {items(""), problem.Invalid, "/items"},
		"items null":           {change(`"items":[`, `"items":null,"x":[`), problem.Malformed, "/x"},
		"101 items":            {items(strings.TrimSuffix(strings.Repeat(line+",", 101), ",")), problem.Invalid, "/items"},
		"unknown product":      {items(line + `,{"productId":"prod-none","quantity":1}`), problem.Invalid, "/items/1/productId"},
		"discontinued product": {items(`{"productId":"prod-old","quantity":1}`), problem.Invalid, "/items/0/productId"},
		"product ID pattern":   {items(`{"productId":"../prod","quantity":1}`), problem.Invalid, "/items/0/productId"},
		"product ID too long":  {items(`{"productId":"` + strings.Repeat("p", 65) + `","quantity":1}`), problem.Invalid, "/items/0/productId"},
		"second currency":      {items(line + `,{"productId":"prod-euro","quantity":1}`), problem.Invalid, "/items/1/productId"},

		"another customer":         {change("cust-ada", "cust-bob"), problem.Invalid, "/customerId"},
		"customer ID pattern":      {change("cust-ada", "cust ada"), problem.Invalid, "/customerId"},
		"no customer":              {change(`"customerId":"cust-ada",`, ""), problem.Invalid, "/customerId"},
		"no payment":               {change(`"payment":{"method":"pm_card_visa"},`, ""), problem.Invalid, "/payment"},
		"payment null":             {change(`{"method":"pm_card_visa"}`, "null"), problem.Invalid, "/payment"},
		"empty method":             {change("pm_card_visa", ""), problem.Invalid, "/payment/method"},
		"method 201 characters":    {change("pm_card_visa", strings.Repeat("p", 201)), problem.Invalid, "/payment/method"},
		"card number":              {change("pm_card_visa", "4242 4242 4242 4242"), problem.Invalid, "/payment/method"},
		"no address":               {change(`"shippingAddress":`, `"x":`), problem.Malformed, "/x"},
		"no name":                  {change(`"name":"Ada Lovelace",`, ""), problem.Invalid, "/shippingAddress/name"},
		"name 10 kB":               {change("Ada Lovelace", strings.Repeat("x", 10<<10)), problem.Invalid, "/shippingAddress/name"},
		"NUL in a name":            {change("Ada Lovelace", `Ada\u0000`), problem.Invalid, "/shippingAddress/name"},
		"CR LF in a name":          {change("Ada Lovelace", `Ada\r\nX: y`), problem.Invalid, "/shippingAddress/name"},
		"blank line1":              {change("12 St James's Square", " "), problem.Invalid, "/shippingAddress/line1"},
		"no city":                  {change(`"city":"London",`, ""), problem.Invalid, "/shippingAddress/city"},
		"country of one letter":    {change(`"country":"GB"`, `"country":"G"`), problem.Invalid, "/shippingAddress/country"},
		"country of 65 letters":    {change(`"country":"GB"`, `"country":"`+strings.Repeat("G", 65)+`"`), problem.Invalid, "/shippingAddress/country"},
		"postal code 201":          {change("SW1Y 4JH", strings.Repeat("1", 201)), problem.Invalid, "/shippingAddress/postalCode"},
		"postal code is a number":  {change(`"SW1Y 4JH"`, `12345`), problem.Invalid, "/shippingAddress/postalCode"},
		"customer ID is an object": {change(`"cust-ada"`, `{}`), problem.Invalid, "/customerId"},
		"items is an object":       {change(`"items":[`, `"items":{},"y":[`), problem.Invalid, "/items"},
	}
}

func TestABadPlacementStartsNothingAndNamesTheField(t *testing.T) {
	g := newGateway(t)
	for name, bad := range badPlacements() {
		t.Run(name, func(t *testing.T) {
			g.t = t
			answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: bad.body})
			document := answer.problem(bad.code)
			if bad.pointer != "" {
				assert.Contains(t, pointers(document), bad.pointer)
			}
			assert.Zero(t, g.temporal.StartCalls())
		})
	}
}

func TestAnUnknownCustomerIsNamed(t *testing.T) {
	g := newGateway(t)
	answer := g.send(request{
		method: http.MethodPost, path: "/v1/orders", token: g.token("cust-new", "orders:write"),
		body: strings.Replace(validBody, "cust-ada", "cust-new", 1),
	})
	assert.Equal(t, []string{"/customerId"}, pointers(answer.problem(problem.Invalid)))
	assert.Zero(t, g.temporal.StartCalls())
}

func TestEveryUnacceptableFieldIsNamedAtOnce(t *testing.T) {
	g := newGateway(t)
	answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(),
		body: `{"customerId":"cust-ada","items":[{"productId":"?","quantity":0}],"payment":{"method":""},"shippingAddress":{}}`})
	assert.Equal(t, []string{
		"/items/0/productId", "/items/0/quantity", "/payment/method",
		"/shippingAddress/name", "/shippingAddress/line1", "/shippingAddress/city", "/shippingAddress/country",
	}, pointers(answer.problem(problem.Invalid)))
}

func TestHarmlessTextIsKeptAsItIs(t *testing.T) {
	for _, name := range []string{"abc\u202edef", "<script>alert(1)</script>", "'; DROP TABLE orders; --", "Ünï 👩‍👩‍👧"} {
		g := newGateway(t)
		answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(),
			body: strings.Replace(validBody, "Ada Lovelace", name, 1)})
		require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
		for _, input := range g.temporal.Started() {
			assert.Equal(t, name, input.ShippingAddress.Name)
		}
	}
}

func TestWrongHeadersStartNothing(t *testing.T) {
	for name, test := range map[string]struct {
		header http.Header
		code   problem.Code
	}{
		"no content type":      {http.Header{"Content-Type": nil}, problem.UnsupportedMediaType},
		"form":                 {http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, problem.UnsupportedMediaType},
		"another charset":      {http.Header{"Content-Type": {"application/json; charset=latin1"}}, problem.UnsupportedMediaType},
		"gzip":                 {http.Header{"Content-Encoding": {"gzip"}}, problem.UnsupportedMediaType},
		"key of 256":           {keyed(strings.Repeat("k", 256)), problem.Malformed},
		"empty key":            {keyed(""), problem.Malformed},
		"key with line break":  {keyed("a\nb"), problem.Malformed},
		"key beyond ASCII":     {keyed("schlüssel"), problem.Malformed},
		"two keys":             {http.Header{"Idempotency-Key": {"a", "b"}}, problem.Malformed},
		"headers above 32 KiB": {http.Header{"X-Padding": {strings.Repeat("x", 40<<10)}}, problem.HeadersTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			g.place(test.header).problem(test.code)
			assert.Zero(t, g.temporal.StartCalls())
		})
	}
	g := newGateway(t)
	assert.Equal(t, http.StatusAccepted, g.place(keyed(strings.Repeat("k", 255))).Code)
}
