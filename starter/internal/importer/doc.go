// Package importer sends files of products, customers and orders through the
// gateway and says what became of them.
//
// Lines take effect in the order of the files: products and customers are
// written before the orders behind them are placed, and orders have come to
// their end before products and customers behind them are written. Within such
// a group many lines are in flight at once.
//
// An import can be stopped at any moment and run again. Products and customers
// are written again to the same effect, a first stock is set only where none
// is, and an order's reference is its idempotency key.
package importer
