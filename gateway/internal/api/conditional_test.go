package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/docs"
	"orderflow/internal/problem"
	"orderflow/services/money"
)

const (
	kettleRow = `{"productId":"prod-kettle","name":"Kettle","unitPrice":{"amount":1,"currency":"USD"}}`
	adaRow    = `{"customerId":"cust-ada","name":"Countess Ada"}`
)

func TestAPutObeysItsCondition(t *testing.T) {
	for name, test := range map[string]struct {
		path, body string
		current    string // the ETag before it
		next       string
	}{
		"product":  {"/v1/products/prod-kettle", kettleRow, `"3"`, `"4"`},
		"customer": {"/v1/customers/cust-ada", adaRow, `"7"`, `"8"`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, condition := range []http.Header{
				{"If-Match": {test.next}},
				{"If-Match": {"W/" + test.current}},
				{"If-Match": {`"x", "1"`}},
				{"If-None-Match": {"*"}},
				{"If-None-Match": {`"x", ` + test.current}},
			} {
				g := newGateway(t)
				refused := g.put(test.path, test.body, condition)
				refused.problem(problem.PreconditionFailed)
				assert.Empty(t, refused.Header().Get("ETag"))
				after := g.send(request{method: http.MethodGet, path: test.path, token: g.token("root", "admin")})
				assert.Equal(t, test.current, after.Header().Get("ETag"), "%v writes nothing", condition)
			}
			for _, condition := range []http.Header{
				nil,
				{"If-Match": {test.current}},
				{"If-Match": {"*"}},
				{"If-Match": {`"1"`, test.current + `, W/"9"`}},
				{"If-None-Match": {test.next}},
			} {
				answer := newGateway(t).put(test.path, test.body, condition)
				require.Equal(t, http.StatusOK, answer.Code, "%v: %s", condition, answer.Body)
				assert.Equal(t, test.next, answer.Header().Get("ETag"))
			}
		})
	}
}

func TestAConditionOnWhatIsNotThere(t *testing.T) {
	g := newGateway(t)
	for path, body := range map[string]string{
		"/v1/products/prod-new":  strings.Replace(kettleRow, "prod-kettle", "prod-new", 1),
		"/v1/customers/cust-new": strings.Replace(adaRow, "cust-ada", "cust-new", 1),
	} {
		for _, tags := range []string{"*", `"1"`, `"0"`} {
			g.put(path, body, http.Header{"If-Match": {tags}}).problem(problem.PreconditionFailed)
		}
		create := http.Header{"If-None-Match": {"*"}}
		created := g.put(path, body, create)
		require.Equal(t, http.StatusOK, created.Code, created.Body)
		assert.Equal(t, `"1"`, created.Header().Get("ETag"))
		g.put(path, body, create).problem(problem.PreconditionFailed)
	}
}

// The second of two clients that have read the same version reads again.
func TestTheSecondWriterOfAVersionIsTold(t *testing.T) {
	g := newGateway(t)
	read := g.get("/v1/products/prod-kettle").Header().Get("ETag")
	require.Equal(t, http.StatusOK, g.put("/v1/products/prod-kettle", kettleRow, http.Header{"If-Match": {read}}).Code)
	g.put("/v1/products/prod-kettle", strings.Replace(kettleRow, "Kettle", "Pot", 1), http.Header{"If-Match": {read}}).
		problem(problem.PreconditionFailed)
	assert.Equal(t, "Kettle", g.products.products["prod-kettle"].Name)
}

func TestAReaderIsNotSentWhatItHas(t *testing.T) {
	g := newGateway(t)
	for path, etag := range map[string]string{"/v1/products/prod-kettle": `"3"`, "/v1/customers/cust-ada": `"7"`} {
		read := func(condition http.Header) answer {
			return g.send(request{method: http.MethodGet, path: path, token: g.ada(), header: condition})
		}
		for _, tags := range []string{etag, "W/" + etag, `"1", ` + etag, "*"} {
			unchanged := read(http.Header{"If-None-Match": {tags}})
			require.Equal(t, http.StatusNotModified, unchanged.Code, tags)
			assert.Equal(t, etag, unchanged.Header().Get("ETag"))
			assert.Empty(t, unchanged.Body.String())
			assert.Empty(t, unchanged.Header().Get("Content-Type"))
		}
		for _, condition := range []http.Header{{"If-None-Match": {`"1"`}}, {"If-Match": {etag}}} {
			changed := read(condition)
			require.Equal(t, http.StatusOK, changed.Code)
			assert.Equal(t, etag, changed.Header().Get("ETag"))
			assert.NotEmpty(t, changed.Body.String())
		}
		read(http.Header{"If-Match": {`"1"`}}).problem(problem.PreconditionFailed)
	}
}

func TestAMalformedConditionIsRefused(t *testing.T) {
	g := newGateway(t)
	for _, condition := range []http.Header{
		{"If-Match": {"3"}},
		{"If-Match": {`"3`}},
		{"If-Match": {""}},
		{"If-Match": {`*, "3"`}},
		{"If-None-Match": {"'3'"}},
		{"If-None-Match": {strings.Repeat(`"3",`, 101)}},
		{"If-Match": {`"3"`}, "If-None-Match": {"*"}},
	} {
		for path, body := range map[string]string{"/v1/products/prod-kettle": kettleRow, "/v1/customers/cust-ada": adaRow} {
			g.put(path, body, condition).problem(problem.Malformed)
			g.send(request{method: http.MethodGet, path: path, token: g.ada(), header: condition}).problem(problem.Malformed)
		}
	}
	assert.Equal(t, money.New(4999, "USD"), g.products.products["prod-kettle"].UnitPrice)
}

// What the services' clients put into a query is not for strangers.
func TestAConditionInTheQueryIsRefused(t *testing.T) {
	g := newGateway(t)
	g.put("/v1/products/prod-kettle?ifMatch=%221%22", kettleRow, nil).problem(problem.Malformed)
	assert.Equal(t, money.New(4999, "USD"), g.products.products["prod-kettle"].UnitPrice)
}

// Stock figures change with every order: there is no version to name.
func TestAStockCountKnowsNoVersion(t *testing.T) {
	g := newGateway(t)
	const count = `{"productId":"prod-kettle","onHand":9}`
	for _, tags := range []string{"*", `"1"`} {
		g.put("/v1/inventory/prod-kettle", count, http.Header{"If-Match": {tags}}).problem(problem.Malformed)
	}
	assert.EqualValues(t, 5, g.stock.stock["prod-kettle"].OnHand)
	stock := g.send(request{method: http.MethodGet, path: "/v1/inventory/prod-kettle", token: g.token("eve", "ops")})
	assert.Empty(t, stock.Header().Get("ETag"))
}

func TestAConditionalPriceHoldsForTheNextOrderWhenItIsWritten(t *testing.T) {
	g := newGateway(t)
	g.placed()
	g.put("/v1/products/prod-kettle", kettleRow, http.Header{"If-Match": {`"2"`}}).problem(problem.PreconditionFailed)
	total := func() money.Money {
		id := g.placed()
		return g.temporal.Started()[id].Total
	}
	assert.Equal(t, money.New(3*4999+250, "USD"), total())
	require.Equal(t, http.StatusOK, g.put("/v1/products/prod-kettle", kettleRow, http.Header{"If-Match": {`"3"`}}).Code)
	assert.Equal(t, money.New(3*1+250, "USD"), total())
}

func TestReadingOnConditionLeavesThePricesCached(t *testing.T) {
	g := newGateway(t)
	for range 3 {
		g.placed()
		g.send(request{method: http.MethodGet, path: "/v1/products/prod-kettle", token: g.ada(), header: http.Header{"If-None-Match": {`"3"`}}})
	}
	assert.Equal(t, 1, g.products.lookups)
}

// Every route whose answer has an ETag obeys conditions, and says so; no other
// route does. Whoever has no right to a row learns nothing of its version.
func TestRoutesWithAnETagObeyConditions(t *testing.T) {
	g := newGateway(t)
	versioned := 0
	for name, described := range documented(t) {
		method, path, _ := strings.Cut(name, " ")
		if strings.HasPrefix(path, docs.Path) {
			continue // its tag is the program's, and nobody writes it
		}
		row, known := rights[name]
		if !known || !described.hasETag() {
			assert.NotContains(t, described.Responses, "304", name)
			continue
		}
		versioned++
		condition, want := http.Header{"If-None-Match": {"*"}}, http.StatusNotModified
		if method == http.MethodPut {
			condition, want = http.Header{"If-Match": {`"999"`}}, http.StatusPreconditionFailed
		} else {
			assert.Contains(t, described.Responses, "304", name)
		}
		assert.Contains(t, described.Responses, "400", name)
		assert.Contains(t, described.Responses, "412", name)

		for who, test := range map[string]struct {
			token  string
			status int
		}{
			"owner":     {g.ada(), row.owner},
			"other":     {g.token("cust-bob", "orders:read orders:write"), row.other},
			"scopeless": {g.token("cust-ada", ""), row.scopeless},
			"operator":  {g.token("eve", "ops"), row.operator},
			"root":      {g.token("root", "admin"), row.root},
			"nobody":    {"", http.StatusUnauthorized},
		} {
			status := test.status
			if status == http.StatusOK {
				status = want
			}
			answer := g.send(request{method: method, path: row.path, token: test.token, body: row.body, header: condition})
			assert.Equal(t, status, answer.Code, "%s as %s", name, who)
			assert.Equal(t, status == http.StatusNotModified, answer.Header().Get("ETag") != "", "%s as %s", name, who)
		}
	}
	assert.Equal(t, 4, versioned)
}
