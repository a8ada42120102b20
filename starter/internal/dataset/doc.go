// Package dataset reads files of JSON Lines with the products, customers and
// orders of a shop.
//
// A line is told by its fields: items or reference make it an order,
// productId a product, customerId a customer. What a line says is checked only
// as far as the import depends on it; whether a name is too long or a product
// unknown is for the gateway to say.
package dataset
