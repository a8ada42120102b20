// Package demo places three orders that show what the product does: one
// ships, one is declined, and one is out of stock. Where the deployment lets a
// declined order wait for another card, it is shown waiting, and how it is
// fixed. What they need is made sure of first, and nothing that is there is
// overwritten.
package demo
