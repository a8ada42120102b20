package validate

// Address has the fields that the addresses of all contracts have, in the same
// order, so that each converts to it.
type Address struct {
	Name, Line1, Line2, City, Region, PostalCode, Country string
}

// maxCountry is the limit of a country's name: free text, because names and
// codes both occur in real data.
const maxCountry = 64

// CustomerAddress checks an address that belongs to a customer, whose name
// stands elsewhere. The pointer is that of the address itself.
func (f *Fields) CustomerAddress(pointer string, address Address) {
	f.address(pointer, address, 0)
}

// ShippingAddress checks an address that a parcel goes to: it needs a name.
func (f *Fields) ShippingAddress(pointer string, address Address) {
	f.address(pointer, address, 1)
}

func (f *Fields) address(pointer string, address Address, minimumName int) {
	f.Text(pointer+"/name", address.Name, minimumName, MaxText)
	f.Text(pointer+"/line1", address.Line1, 1, MaxText)
	f.Text(pointer+"/line2", address.Line2, 0, MaxText)
	f.Text(pointer+"/city", address.City, 1, MaxText)
	f.Text(pointer+"/region", address.Region, 0, MaxText)
	f.Text(pointer+"/postalCode", address.PostalCode, 0, MaxText)
	f.Text(pointer+"/country", address.Country, 2, maxCountry)
}
