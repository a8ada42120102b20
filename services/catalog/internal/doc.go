// Package internal is the catalogue service: what is sold, under which name,
// at which price today.
//
// A product is one row with a version. Nothing is ever deleted: a product that
// is no longer sold is discontinued, so that every ID that an order names
// stays known. The package knows nothing of stock, nor of the prices that
// orders were accepted with; those are frozen into the orders.
package internal
