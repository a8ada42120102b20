// Package demo places three orders that show what the product does: one
// ships, one is declined, and one is out of stock. What they need is made sure
// of first, and nothing that is there is overwritten.
package demo
