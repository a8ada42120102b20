package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/inventory"
	"orderflow/services/money"
)

func (g *gateway) put(path, body string, header http.Header) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodPut, path: path, token: g.token("root", "admin"), body: body, header: header})
}

func TestProductsAreReadAndWritten(t *testing.T) {
	g := newGateway(t)
	answer := g.put("/v1/products/prod-new",
		`{"productId":"prod-new","name":"New","description":"12 boxes","unitPrice":{"amount":1800,"currency":"USD"}}`, nil)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	var stored catalog.Product
	answer.into(&stored)
	assert.Equal(t, catalog.Product{ProductID: "prod-new", Name: "New", Description: "12 boxes", UnitPrice: money.New(1800, "USD"), Version: 1}, stored)
	assert.Equal(t, `"1"`, answer.Header().Get("ETag"))

	answer = g.get("/v1/products/prod-kettle")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, `"3"`, answer.Header().Get("ETag"))

	answer = g.get("/v1/products?limit=2")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.JSONEq(t, `{"items":[],"page":1,"limit":2,"total":5,"links":{"self":"/v1/products?limit=2&page=1","next":"/v1/products?limit=2&page=2"}}`, answer.Body.String())

	g.get("/v1/products/prod-none").problem(problem.NotFound)
	g.get("/v1/products/..%2fkettle").problem(problem.NotFound)
}

func TestANewPriceHoldsForTheNextOrder(t *testing.T) {
	g := newGateway(t)
	g.placed()
	g.put("/v1/products/prod-kettle", `{"productId":"prod-kettle","name":"Kettle","unitPrice":{"amount":1,"currency":"USD"}}`, nil)
	id := g.placed()
	assert.Equal(t, money.New(3*1+250, "USD"), g.temporal.Started()[id].Total)
}

func TestPricesAreCached(t *testing.T) {
	g := newGateway(t)
	for range 5 {
		g.placed()
	}
	assert.Equal(t, 1, g.products.lookups)
}

func TestCustomersReadTheirOwnRow(t *testing.T) {
	g := newGateway(t)
	answer := g.get("/v1/customers/cust-ada")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.Equal(t, `"7"`, answer.Header().Get("ETag"))
	g.get("/v1/customers/cust-bob").problem(problem.NotFound)
	g.get("/v1/customers/cust-none").problem(problem.NotFound)
	for _, scope := range []string{"ops", "admin"} {
		answer := g.send(request{method: http.MethodGet, path: "/v1/customers/cust-bob", token: g.token("eve", scope)})
		assert.Equal(t, http.StatusOK, answer.Code)
	}
}

func TestCustomersAreWritten(t *testing.T) {
	g := newGateway(t)
	answer := g.put("/v1/customers/nw-ALFKI", `{"customerId":"nw-ALFKI","name":"Alfreds Futterkiste","contact":"Maria Anders","phone":null,
		"address":{"line1":"Obere Str. 57","city":"Berlin","region":null,"postalCode":"12209","country":"Germany"}}`, nil)
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	var stored customer.Customer
	answer.into(&stored)
	assert.Equal(t, "Maria Anders", stored.Contact)
	assert.Equal(t, &customer.Address{Line1: "Obere Str. 57", City: "Berlin", PostalCode: "12209", Country: "Germany"}, stored.Address)
	require.Equal(t, http.StatusOK, g.put("/v1/customers/cust-x", `{"customerId":"cust-x","name":"X","address":null}`, nil).Code)
	assert.Nil(t, g.people.customers["cust-x"].Address)
}

func TestARenamedCustomerIsKnownByTheNewName(t *testing.T) {
	g := newGateway(t)
	g.placed()
	g.put("/v1/customers/cust-ada", `{"customerId":"cust-ada","name":"Countess Ada"}`, nil)
	id := g.placed()
	assert.Equal(t, "Countess Ada", g.temporal.Started()[id].CustomerName)
}

func TestStockIsReadAndCounted(t *testing.T) {
	g := newGateway(t)
	operator := g.token("eve", "ops")
	answer := g.send(request{method: http.MethodGet, path: "/v1/inventory/prod-kettle", token: operator})
	require.Equal(t, http.StatusOK, answer.Code)
	assert.JSONEq(t, `{"productId":"prod-kettle","onHand":5,"reserved":2,"shipped":0}`, answer.Body.String())
	g.send(request{method: http.MethodGet, path: "/v1/inventory/prod-none", token: operator}).problem(problem.NotFound)

	require.Equal(t, http.StatusOK, g.put("/v1/inventory/prod-kettle", `{"productId":"prod-kettle","onHand":9}`, nil).Code)
	assert.EqualValues(t, 9, g.stock.stock["prod-kettle"].OnHand)
	g.put("/v1/inventory/prod-kettle", `{"productId":"prod-kettle","onHand":1}`, nil).problem(problem.Conflict)
}

func TestTheFirstStockFigureIsSetOnce(t *testing.T) {
	g := newGateway(t)
	first := http.Header{"If-None-Match": {"*"}}
	require.Equal(t, http.StatusOK, g.put("/v1/inventory/prod-cup", `{"productId":"prod-cup","onHand":9}`, first).Code)
	g.put("/v1/inventory/prod-cup", `{"productId":"prod-cup","onHand":10}`, first).problem(problem.PreconditionFailed)
	assert.Equal(t, inventory.Stock{ProductID: "prod-cup", OnHand: 9}, g.stock.stock["prod-cup"])
	g.put("/v1/inventory/prod-cup", `{"productId":"prod-cup","onHand":10}`, http.Header{"If-None-Match": {`"1"`}}).problem(problem.Malformed)
}

func TestBadRowsAreRefusedWithTheirField(t *testing.T) {
	const product = `{"productId":"p","name":"N","unitPrice":{"amount":1,"currency":"USD"}}`
	const address = `{"line1":"L","city":"C","country":"GB"}`
	long := strings.Repeat("x", 201)
	for name, test := range map[string]struct {
		path, body string
		code       problem.Code
		pointer    string
	}{
		"product of another path":   {"/v1/products/q", product, problem.Invalid, "/productId"},
		"product ID":                {"/v1/products/p", strings.Replace(product, `"p"`, `"-p"`, 1), problem.Invalid, "/productId"},
		"product without name":      {"/v1/products/p", strings.Replace(product, `"N"`, `""`, 1), problem.Invalid, "/name"},
		"product name too long":     {"/v1/products/p", strings.Replace(product, `"N"`, `"`+long+`"`, 1), problem.Invalid, "/name"},
		"description with NUL":      {"/v1/products/p", strings.Replace(product, `"name"`, `"description":"\u0000","name"`, 1), problem.Invalid, "/description"},
		"no price":                  {"/v1/products/p", `{"productId":"p","name":"N"}`, problem.Invalid, "/unitPrice"},
		"no amount":                 {"/v1/products/p", strings.Replace(product, `"amount":1,`, ``, 1), problem.Invalid, "/unitPrice/amount"},
		"negative price":            {"/v1/products/p", strings.Replace(product, `:1,`, `:-1,`, 1), problem.Invalid, "/unitPrice/amount"},
		"price 1.5":                 {"/v1/products/p", strings.Replace(product, `:1,`, `:1.5,`, 1), problem.Invalid, "/unitPrice/amount"},
		"price 2^63":                {"/v1/products/p", strings.Replace(product, `:1,`, `:9223372036854775808,`, 1), problem.Invalid, "/unitPrice/amount"},
		"price is a bare number":    {"/v1/products/p", `{"productId":"p","name":"N","unitPrice":1800}`, problem.Invalid, "/unitPrice"},
		"unknown currency":          {"/v1/products/p", strings.Replace(product, `USD`, `usd`, 1), problem.Invalid, "/unitPrice/currency"},
		"product with version":      {"/v1/products/p", strings.Replace(product, `"name"`, `"version":9,"name"`, 1), problem.Malformed, "/version"},
		"encoded path":              {"/v1/products/p%2fq", product, problem.NotFound, ""},
		"customer of another path":  {"/v1/customers/d", `{"customerId":"c","name":"N"}`, problem.Invalid, "/customerId"},
		"customer without name":     {"/v1/customers/c", `{"customerId":"c"}`, problem.Invalid, "/name"},
		"contact too long":          {"/v1/customers/c", `{"customerId":"c","name":"N","contact":"` + long + `"}`, problem.Invalid, "/contact"},
		"phone with line break":     {"/v1/customers/c", `{"customerId":"c","name":"N","phone":"1\r\n2"}`, problem.Invalid, "/phone"},
		"address without city":      {"/v1/customers/c", `{"customerId":"c","name":"N","address":` + strings.Replace(address, `"city":"C",`, ``, 1) + `}`, problem.Invalid, "/address/city"},
		"address with unknown":      {"/v1/customers/c", `{"customerId":"c","name":"N","address":` + strings.Replace(address, `"city"`, `"x":1,"city"`, 1) + `}`, problem.Malformed, "/address/x"},
		"stock of another path":     {"/v1/inventory/q", `{"productId":"p","onHand":1}`, problem.Invalid, "/productId"},
		"negative stock":            {"/v1/inventory/p", `{"productId":"p","onHand":-1}`, problem.Invalid, "/onHand"},
		"no stock figure":           {"/v1/inventory/p", `{"productId":"p"}`, problem.Invalid, "/onHand"},
		"stock figure as text":      {"/v1/inventory/p", `{"productId":"p","onHand":"1"}`, problem.Invalid, "/onHand"},
		"stock with reserved":       {"/v1/inventory/p", `{"productId":"p","onHand":1,"reserved":0}`, problem.Malformed, "/reserved"},
		"empty body":                {"/v1/inventory/p", "", problem.Malformed, ""},
		"more than 1 MiB":           {"/v1/customers/c", `{"customerId":"c","name":"` + strings.Repeat("x", 1<<20) + `"}`, problem.TooLarge, ""},
		"a customer that is a list": {"/v1/customers/c", `[{"customerId":"c","name":"N"}]`, problem.Malformed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			before := fmt.Sprint(g.products.products, g.people.customers, g.stock.stock)
			document := g.put(test.path, test.body, nil).problem(test.code)
			if test.pointer != "" {
				assert.Contains(t, pointers(document), test.pointer)
			}
			assert.Equal(t, before, fmt.Sprint(g.products.products, g.people.customers, g.stock.stock))
		})
	}
}

// What a service refuses for good is the client's answer; what it cannot answer
// is a 503 with Retry-After.
func TestAServiceThatIsAwayIsUnavailable(t *testing.T) {
	g := newGateway(t)
	g.products.err, g.people.err, g.stock.err = away("catalog"), away("customer"), away("inventory")
	g.orders.fail(away("order"))
	root := g.token("root", "admin")
	for path, body := range map[string]string{
		"/v1/products":              "",
		"/v1/products/prod-cup":     `{"productId":"prod-cup","name":"N","unitPrice":{"amount":1,"currency":"USD"}}`,
		"/v1/customers/cust-ada":    `{"customerId":"cust-ada","name":"N"}`,
		"/v1/inventory/prod-kettle": `{"productId":"prod-kettle","onHand":9}`,
		"/v1/customers/cust/orders": "",
	} {
		read := g.send(request{method: http.MethodGet, path: path, token: root})
		read.problem(problem.Unavailable)
		assert.Equal(t, "1", read.Header().Get("Retry-After"))
		if body != "" {
			g.send(request{method: http.MethodPut, path: path, token: root, body: body}).problem(problem.Unavailable)
		}
	}
}
