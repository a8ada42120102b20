package api

// addressBody is an address in a body: where a parcel goes, or where a customer
// is. It has the fields of contract.Address, customer.Address and
// validate.Address, and converts into each.
type addressBody struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2"`
	City       string `json:"city"`
	Region     string `json:"region"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}
