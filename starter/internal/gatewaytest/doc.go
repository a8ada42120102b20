// Package gatewaytest is a gateway for tests of the starter: the routes and
// documents of the public contract over a saga that ends at once, with faults
// that a test chooses. It keeps everything in memory and its clock moves only
// when it is looked at.
//
// It is no model of the product: the end-to-end tests run the real one.
package gatewaytest
