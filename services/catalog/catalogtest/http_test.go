package catalogtest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// send makes a request that the client would not make; a field of its header is
// "Name: value".
func send(t *testing.T, method, url, body string, fields ...string) (*http.Response, problem.Document) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		request.Header.Add(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	var document problem.Document
	if response.StatusCode >= http.StatusBadRequest {
		require.Equal(t, problem.MediaType, response.Header.Get("Content-Type"))
		require.NoError(t, json.NewDecoder(response.Body).Decode(&document))
	}
	return response, document
}

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
		response, _ := send(t, http.MethodPut, url, kettleBody)
		assert.Equal(t, want, response.StatusCode)
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
			response, document := send(t, http.MethodPut, service.URL+"/v1/products/prod-kettle", test.body)
			require.Equal(t, test.status, response.StatusCode, "%+v", document)
			if test.pointer != "" {
				require.NotEmpty(t, document.Errors)
				assert.Equal(t, test.pointer, document.Errors[0].Pointer)
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
	_, unknown := send(t, http.MethodGet, service.URL+"/v1/products/prod-unknown", "")
	for _, id := range []string{"..%2f..%2fetc", "a%2Fb", "%00", "-a", strings.Repeat("a", 65), "%27%20OR%201=1"} {
		response, document := send(t, http.MethodGet, service.URL+"/v1/products/"+id, "")
		assert.Equal(t, http.StatusNotFound, response.StatusCode, id)
		assert.Equal(t, unknown.Detail, document.Detail, id)
		assert.Equal(t, unknown.Type, document.Type, id)
	}
}

func TestAPutToAnIDOutsideTheRulesNamesTheField(t *testing.T) {
	service := catalogtest.Start(t)
	for _, id := range []string{"a%20b", "-a", strings.Repeat("a", 65)} {
		body := strings.Replace(kettleBody, "prod-kettle", strings.ReplaceAll(id, "%20", " "), 1)
		response, document := send(t, http.MethodPut, service.URL+"/v1/products/"+id, body)
		require.Equal(t, http.StatusUnprocessableEntity, response.StatusCode, id)
		assert.Equal(t, "/productId", document.Errors[0].Pointer)
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
		response, document := send(t, http.MethodPost, service.URL+"/v1/products/lookup", body)
		require.Equal(t, http.StatusUnprocessableEntity, response.StatusCode, body)
		assert.Equal(t, pointer, document.Errors[0].Pointer, body)
	}
}

func TestAPageOutsideItsRangeIsMalformed(t *testing.T) {
	service := catalogtest.Start(t)
	for _, query := range []string{"page=0", "page=-1", "limit=0", "limit=101", "limit=1000000000", "page=x"} {
		response, document := send(t, http.MethodGet, service.URL+"/v1/products?"+query, "")
		assert.Equal(t, http.StatusBadRequest, response.StatusCode, query)
		assert.Equal(t, problem.Malformed.Type(), document.Type, query)
	}
}

func TestAnotherMethodIsRefused(t *testing.T) {
	service := catalogtest.Start(t)
	for _, method := range []string{http.MethodDelete, http.MethodPost, http.MethodPatch} {
		response, _ := send(t, method, service.URL+"/v1/products/prod-kettle", "")
		assert.Equal(t, http.StatusMethodNotAllowed, response.StatusCode, method)
	}
}

func TestTheServiceIsReady(t *testing.T) {
	response, _ := send(t, http.MethodGet, catalogtest.Start(t).URL+"/readyz", "")
	assert.Equal(t, http.StatusOK, response.StatusCode)
}
