// Package pricing makes a quote for the lines of an order: today's price and
// name of each product, the customer's name, and the total. The quote is what
// the customer accepts; the order keeps it for ever.
//
// Prices and names are cached for a few seconds, so that a busy shop does not
// ask the catalogue for each order. That is the longest that a changed price
// or a discontinued product goes unnoticed, at the gateways that the change did
// not pass through.
package pricing
