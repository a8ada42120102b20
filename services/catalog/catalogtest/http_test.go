package catalogtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/catalog"
	"orderflow/services/catalog/catalogtest"
	"orderflow/services/money"
)

func kettle() catalog.Record {
	return catalog.Record{ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(2999, "USD")}
}

const kettleBody = `{"productId": "prod-kettle", "name": "Kettle", "unitPrice": {"amount": 2999, "currency": "USD"}}`

func TestTheClientPutsAndReadsOnBothDatabases(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := catalogtest.Start(t, catalogtest.WithDSN(dsn))
		stored, err := service.Put(t.Context(), kettle(), unconditionally)
		require.NoError(t, err)
		assert.Equal(t, int64(1), stored.Version)

		found, err := service.Product(t.Context(), "prod-kettle")
		require.NoError(t, err)
		assert.Equal(t, stored, found)

		several, err := service.Lookup(t.Context(), []string{"prod-kettle", "prod-unknown"})
		require.NoError(t, err)
		assert.Equal(t, []catalog.Product{stored}, several)

		page, err := service.Products(t.Context(), 1, 100)
		require.NoError(t, err)
		assert.Equal(t, catalog.Page{Items: []catalog.Product{stored}, Page: 1, Limit: 100, Total: 1}, page)

		_, err = service.Product(t.Context(), "prod-unknown")
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	})
}

func TestTheStatusTellsACreationFromAReplacement(t *testing.T) {
	url := catalogtest.Start(t).URL + "/v1/products/prod-kettle"
	for _, want := range []int{http.StatusCreated, http.StatusOK} {
		answer := chassistest.Send(t, http.MethodPut, url, kettleBody)
		assert.Equal(t, want, answer.Status)
	}
}

func TestAPutOutsideTheRulesNamesTheFieldAndStoresNothing(t *testing.T) {
	service := catalogtest.Start(t)
	price := `{"amount": 2999, "currency": "USD"}`
	body := func(id, name, more, price string) string {
		return fmt.Sprintf(`{"productId": %s, "name": %s, %s "unitPrice": %s}`, id, name, more, price)
	}
	for name, test := range map[string]struct {
		body    string
		status  int
		pointer string
	}{
		"another ID than the path's":  {body(`"prod-pan"`, `"Pan"`, ``, price), 422, "/productId"},
		"no ID":                       {body(`null`, `"Pan"`, ``, price), 422, "/productId"},
		"no name":                     {body(`"prod-kettle"`, `null`, ``, price), 422, "/name"},
		"a blank name":                {body(`"prod-kettle"`, `" "`, ``, price), 422, "/name"},
		"a name of 201 characters":    {body(`"prod-kettle"`, `"`+strings.Repeat("x", 201)+`"`, ``, price), 422, "/name"},
		"a name with a line break":    {body(`"prod-kettle"`, `"a\r\nb"`, ``, price), 422, "/name"},
		"a name with NUL":             {body(`"prod-kettle"`, `"a\u0000b"`, ``, price), 422, "/name"},
		"a name that is a number":     {body(`"prod-kettle"`, `7`, ``, price), 422, "/name"},
		"invalid UTF-8":               {body(`"prod-kettle"`, "\"\xff\"", ``, price), 400, ""},
		"a lone surrogate":            {body(`"prod-kettle"`, `"\ud800"`, ``, price), 400, ""},
		"a description of 2,001":      {body(`"prod-kettle"`, `"Kettle"`, `"description": "`+strings.Repeat("x", 2001)+`",`, price), 422, "/description"},
		"no price":                    {body(`"prod-kettle"`, `"Kettle"`, ``, `null`), 422, "/unitPrice/currency"},
		"a negative price":            {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": -1, "currency": "USD"}`), 422, "/unitPrice/amount"},
		"a fraction of a minor unit":  {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": 1.5, "currency": "USD"}`), 422, "/unitPrice/amount"},
		"a price as text":             {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": "2", "currency": "USD"}`), 422, "/unitPrice/amount"},
		"a price of 2^63":             {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": 9223372036854775808, "currency": "USD"}`), 422, "/unitPrice/amount"},
		"an unknown currency":         {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": 1, "currency": "XYZ"}`), 422, "/unitPrice/currency"},
		"a currency in small letters": {body(`"prod-kettle"`, `"Kettle"`, ``, `{"amount": 1, "currency": "usd"}`), 422, "/unitPrice/currency"},
		"discontinued as text":        {body(`"prod-kettle"`, `"Kettle"`, `"discontinued": "yes",`, price), 422, "/discontinued"},
		"an unknown field":            {body(`"prod-kettle"`, `"Kettle"`, `"stock": 3,`, price), 400, "/stock"},
		"the version":                 {body(`"prod-kettle"`, `"Kettle"`, `"version": 3,`, price), 400, "/version"},
		"a duplicate field":           {body(`"prod-kettle"`, `"Kettle"`, `"name": "Pan",`, price), 400, "/name"},
		"two values":                  {kettleBody + kettleBody, 400, ""},
		"an array":                    {`[` + kettleBody + `]`, 400, ""},
		"half a body":                 {kettleBody[:20], 400, ""},
		"no body":                     {"", 400, ""},
		"a megabyte":                  {body(`"prod-kettle"`, `"`+strings.Repeat("x", 1<<20)+`"`, ``, price), 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := chassistest.Send(t, http.MethodPut, service.URL+"/v1/products/prod-kettle", test.body)
			require.Equal(t, test.status, answer.Status, "%s", answer.Body)
			if test.pointer != "" {
				require.NotEmpty(t, answer.Refusal.Errors)
				assert.Equal(t, test.pointer, answer.Refusal.Errors[0].Pointer)
			}
		})
	}
	page, err := service.Products(t.Context(), 1, 10)
	require.NoError(t, err)
	assert.Zero(t, page.Total)
}

func TestTextIsStoredInert(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := catalogtest.Start(t, catalogtest.WithDSN(dsn))
		for _, text := range []string{
			"'; DROP TABLE product; --", "<script>alert(1)</script>", "abc\u202edef", "{{.}} ${x} %s $1", `back\slash "quote"`, "größe 日本 👩‍👩‍👧",
		} {
			record := kettle()
			record.Name, record.Description = text, text
			_, err := service.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
			found, err := service.Product(t.Context(), record.ProductID)
			require.NoError(t, err)
			assert.Equal(t, text, found.Name)
			assert.Equal(t, text, found.Description)
		}
	})
}

func TestAnIDThatCannotExistIsNotFound(t *testing.T) {
	service := catalogtest.Start(t)
	unknown := chassistest.Send(t, http.MethodGet, service.URL+"/v1/products/prod-unknown", "")
	for _, id := range []string{"..%2f..%2fetc", "a%2Fb", "%00", "-a", strings.Repeat("a", 65), "%27%20OR%201=1"} {
		answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/products/"+id, "")
		assert.Equal(t, http.StatusNotFound, answer.Status, id)
		assert.Equal(t, unknown.Refusal.Detail, answer.Refusal.Detail, id)
		assert.Equal(t, unknown.Refusal.Type, answer.Refusal.Type, id)
	}
}

func TestAPutToAnIDOutsideTheRulesNamesTheField(t *testing.T) {
	service := catalogtest.Start(t)
	for _, id := range []string{"a%20b", "-a", strings.Repeat("a", 65)} {
		body := strings.Replace(kettleBody, "prod-kettle", strings.ReplaceAll(id, "%20", " "), 1)
		answer := chassistest.Send(t, http.MethodPut, service.URL+"/v1/products/"+id, body)
		require.Equal(t, http.StatusUnprocessableEntity, answer.Status, id)
		assert.Equal(t, "/productId", answer.Refusal.Errors[0].Pointer)
	}
}

func TestALookupOutsideTheRulesNamesTheField(t *testing.T) {
	service := catalogtest.Start(t)
	tooMany := strings.TrimSuffix(strings.Repeat(`"a",`, 101), ",")
	for body, pointer := range map[string]string{
		`{}`:                                "/productIds",
		`{"productIds": []}`:                "/productIds",
		`{"productIds": null}`:              "/productIds",
		`{"productIds": [` + tooMany + `]}`: "/productIds",
		`{"productIds": ["a", "b c"]}`:      "/productIds/1",
		`{"productIds": ["a", 7]}`:          "/productIds/1",
	} {
		answer := chassistest.Send(t, http.MethodPost, service.URL+"/v1/products/lookup", body)
		require.Equal(t, http.StatusUnprocessableEntity, answer.Status, body)
		assert.Equal(t, pointer, answer.Refusal.Errors[0].Pointer, body)
	}
}

func TestAPageOutsideItsRangeIsMalformed(t *testing.T) {
	service := catalogtest.Start(t)
	for _, query := range []string{"page=0", "page=-1", "limit=0", "limit=101", "limit=1000000000", "page=x"} {
		answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/products?"+query, "")
		assert.Equal(t, http.StatusBadRequest, answer.Status, query)
		assert.Equal(t, problem.Malformed.Type(), answer.Refusal.Type, query)
	}
}

func TestAnotherMethodIsRefused(t *testing.T) {
	service := catalogtest.Start(t)
	for _, method := range []string{http.MethodDelete, http.MethodPost, http.MethodPatch} {
		answer := chassistest.Send(t, method, service.URL+"/v1/products/prod-kettle", "")
		assert.Equal(t, http.StatusMethodNotAllowed, answer.Status, method)
	}
}

func TestTheServiceIsReady(t *testing.T) {
	answer := chassistest.Send(t, http.MethodGet, catalogtest.Start(t).URL+"/readyz", "")
	assert.Equal(t, http.StatusOK, answer.Status)
}
