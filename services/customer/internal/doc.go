// Package internal is the customer service: who may order, and where they are.
//
// A customer is one row with a version. The package knows nothing of orders,
// which keep the name that they were accepted with, and nothing of tokens: who
// may read or write which row is decided at the gateway.
package internal
