package customertest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/customer"
	"orderflow/services/customer/customertest"
)

func TestTheClientPutsAndReadsOnBothDatabases(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := customertest.Start(t, customertest.WithDSN(dsn))
		stored, err := service.Put(t.Context(), customer.Record{
			CustomerID: "cust-ada", Name: "Ada Lovelace",
			Address: &customer.Address{Line1: "12 St James's Square", City: "London", Country: "UK"},
		}, unconditionally)
		require.NoError(t, err)
		assert.Equal(t, int64(1), stored.Version)

		found, err := service.Customer(t.Context(), "cust-ada")
		require.NoError(t, err)
		assert.Equal(t, stored, found)

		_, err = service.Customer(t.Context(), "cust-unknown")
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	})
}

func TestTheStatusTellsACreationFromAReplacement(t *testing.T) {
	url := customertest.Start(t).URL + "/v1/customers/cust-ada"
	for _, want := range []int{http.StatusCreated, http.StatusOK} {
		answer := chassistest.Send(t, http.MethodPut, url, `{"customerId": "cust-ada", "name": "Ada"}`)
		assert.Equal(t, want, answer.Status)
	}
}

func TestNullIsAbsent(t *testing.T) {
	service := customertest.Start(t)
	for body, want := range map[string]*customer.Address{
		`{"customerId": "cust-ada", "name": "Ada", "contact": null, "phone": null, "address": null}`: nil,
		`{"customerId": "cust-ada", "name": "Ada", "address": {"line1": "Obere Str. 57", "line2": null, "city": "Berlin",
		  "region": null, "postalCode": null, "country": "Germany", "name": null}}`: {Line1: "Obere Str. 57", City: "Berlin", Country: "Germany"},
	} {
		answer := chassistest.Send(t, http.MethodPut, service.URL+"/v1/customers/cust-ada", body)
		require.Less(t, answer.Status, 300, "%s", answer.Body)
		found, err := service.Customer(t.Context(), "cust-ada")
		require.NoError(t, err)
		assert.Equal(t, want, found.Address)
		assert.Empty(t, found.Contact)
	}
}

func TestAPutOutsideTheRulesNamesTheFieldAndStoresNothing(t *testing.T) {
	service := customertest.Start(t)
	with := func(member string) string { return `{"customerId": "cust-ada", "name": "Ada", ` + member + `}` }
	address := func(member string) string {
		return with(`"address": {` + member + `}`)
	}
	for name, test := range map[string]struct {
		body    string
		status  int
		pointer string
	}{
		"another ID than the path's": {`{"customerId": "cust-bob", "name": "Bob"}`, 422, "/customerId"},
		"no ID":                      {`{"name": "Ada"}`, 422, "/customerId"},
		"no name":                    {`{"customerId": "cust-ada"}`, 422, "/name"},
		"a name with a line break":   {`{"customerId": "cust-ada", "name": "a\nb"}`, 422, "/name"},
		"a name of 10 kB":            {`{"customerId": "cust-ada", "name": "` + strings.Repeat("x", 10<<10) + `"}`, 422, "/name"},
		"a contact with NUL":         {with(`"contact": "a\u0000"`), 422, "/contact"},
		"a phone of 201 characters":  {with(`"phone": "` + strings.Repeat("1", 201) + `"`), 422, "/phone"},
		"a phone that is a number":   {with(`"phone": 7`), 422, "/phone"},
		"an empty address":           {address(``), 422, "/address/line1"},
		"an address without a city":  {address(`"line1": "a", "country": "UK"`), 422, "/address/city"},
		"an address without country": {address(`"line1": "a", "city": "b"`), 422, "/address/country"},
		"a country of one letter":    {address(`"line1": "a", "city": "b", "country": "U"`), 422, "/address/country"},
		"a country of 65 letters":    {address(`"line1": "a", "city": "b", "country": "` + strings.Repeat("x", 65) + `"`), 422, "/address/country"},
		"an address with a tab":      {address(`"line1": "a", "line2": "\t", "city": "b", "country": "UK"`), 422, "/address/line2"},
		"an address that is text":    {with(`"address": "London"`), 422, "/address"},
		"an unknown address field":   {address(`"line1": "a", "city": "b", "country": "UK", "planet": "Earth"`), 400, "/address/planet"},
		"an unknown field":           {with(`"scope": "admin"`), 400, "/scope"},
		"a duplicate field":          {with(`"name": "Eve"`), 400, "/name"},
		"invalid UTF-8":              {with("\"phone\": \"\xff\""), 400, ""},
		"an array":                   {`[]`, 400, ""},
		"null":                       {`null`, 400, ""},
		"no body":                    {``, 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := chassistest.Send(t, http.MethodPut, service.URL+"/v1/customers/cust-ada", test.body)
			require.Equal(t, test.status, answer.Status, "%s", answer.Body)
			if test.pointer != "" {
				require.NotEmpty(t, answer.Refusal.Errors)
				assert.Equal(t, test.pointer, answer.Refusal.Errors[0].Pointer)
			}
		})
	}
	_, err := service.Customer(t.Context(), "cust-ada")
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
}

func TestTextIsStoredInert(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := customertest.Start(t, customertest.WithDSN(dsn))
		for _, text := range []string{
			"'; DROP TABLE customer; --", "<script>alert(1)</script>", "abc\u202edef", `back\slash "quote"`, "größe 日本 👩‍👩‍👧",
		} {
			record := customer.Record{
				CustomerID: "cust-ada", Name: text, Contact: text, Phone: text,
				Address: &customer.Address{Name: text, Line1: text, Line2: text, City: text, Region: text, PostalCode: text, Country: text},
			}
			_, err := service.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
			found, err := service.Customer(t.Context(), "cust-ada")
			require.NoError(t, err)
			assert.Equal(t, text, found.Name)
			assert.Equal(t, record.Address, found.Address)
		}
	})
}

func TestAnIDThatCannotExistIsNotFound(t *testing.T) {
	service := customertest.Start(t)
	unknown := chassistest.Send(t, http.MethodGet, service.URL+"/v1/customers/cust-unknown", "")
	for _, id := range []string{"..%2f..%2fetc", "a%2Fb", "%00", "-a", strings.Repeat("a", 65)} {
		answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/customers/"+id, "")
		assert.Equal(t, http.StatusNotFound, answer.Status, id)
		assert.Equal(t, unknown.Refusal.Detail, answer.Refusal.Detail, id)
	}
}

func TestAnotherMethodIsRefused(t *testing.T) {
	service := customertest.Start(t)
	for _, method := range []string{http.MethodDelete, http.MethodPost, http.MethodPatch} {
		answer := chassistest.Send(t, method, service.URL+"/v1/customers/cust-ada", "")
		assert.Equal(t, http.StatusMethodNotAllowed, answer.Status, method)
	}
}

func TestTheServiceIsReady(t *testing.T) {
	answer := chassistest.Send(t, http.MethodGet, customertest.Start(t).URL+"/readyz", "")
	assert.Equal(t, http.StatusOK, answer.Status)
}
