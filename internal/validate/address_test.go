package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/validate"
)

func TestAddressNamesTheFieldThatIsWrong(t *testing.T) {
	complete := validate.Address{
		Name: "Ada Lovelace", Line1: "12 St James's Square", Line2: "2nd floor",
		City: "London", Region: "Greater London", PostalCode: "SW1Y 4JH", Country: "GB",
	}
	for name, test := range map[string]struct {
		change  func(*validate.Address)
		pointer string
	}{
		"no first line":          {func(a *validate.Address) { a.Line1 = "" }, "/address/line1"},
		"no city":                {func(a *validate.Address) { a.City = "" }, "/address/city"},
		"no country":             {func(a *validate.Address) { a.Country = "" }, "/address/country"},
		"country of one letter":  {func(a *validate.Address) { a.Country = "G" }, "/address/country"},
		"country of 65 letters":  {func(a *validate.Address) { a.Country = strings.Repeat("x", 65) }, "/address/country"},
		"line break in line 2":   {func(a *validate.Address) { a.Line2 = "a\nb" }, "/address/line2"},
		"long region":            {func(a *validate.Address) { a.Region = strings.Repeat("x", 201) }, "/address/region"},
		"NUL in the postal code": {func(a *validate.Address) { a.PostalCode = "\x00" }, "/address/postalCode"},
		"long name":              {func(a *validate.Address) { a.Name = strings.Repeat("x", 201) }, "/address/name"},
		"nothing wrong":          {func(*validate.Address) {}, ""},
		"no optional field": {func(a *validate.Address) {
			a.Line2, a.Region, a.PostalCode = "", "", ""
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			address := complete
			test.change(&address)
			for _, check := range []func(*validate.Fields){
				func(f *validate.Fields) { f.CustomerAddress("/address", address) },
				func(f *validate.Fields) { f.ShippingAddress("/address", address) },
			} {
				found := violations(t, check)
				if test.pointer == "" {
					assert.Empty(t, found)
					continue
				}
				if assert.Len(t, found, 1) {
					assert.Equal(t, test.pointer, found[0].Pointer)
				}
			}
		})
	}
}

func TestOnlyAShippingAddressNeedsAName(t *testing.T) {
	address := validate.Address{Line1: "Obere Str. 57", City: "Berlin", Country: "Germany"}
	assert.Empty(t, violations(t, func(f *validate.Fields) { f.CustomerAddress("/address", address) }))
	found := violations(t, func(f *validate.Fields) { f.ShippingAddress("/address", address) })
	if assert.Len(t, found, 1) {
		assert.Equal(t, "/address/name", found[0].Pointer)
	}
}
