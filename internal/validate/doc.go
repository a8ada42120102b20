// Package validate holds the rules for values that the gateway and the
// services share, so that the same input is refused with the same words at
// both: IDs, text, numbers, addresses, pages.
//
// A [Fields] collects what is wrong with a body and names every unacceptable
// part by its JSON pointer:
//
//	fields := validate.New()
//	fields.ID("/productId", record.ProductID)
//	fields.Text("/name", record.Name, 1, 200)
//	return fields.Err()
//
// The package knows the form of a value, not its meaning: whether a product
// exists or a price is right is the business of its owner. Syntax, types and
// unknown members are the business of internal/strictjson.
package validate
