// Package internal is the inventory service: what is on the shelf, what is
// promised, what has left.
//
// Reservations are all or nothing and never expire by time: only the saga
// that made one (or a reconciler on its behalf) releases or commits it. The
// package knows nothing of prices, payments or the state of an order.
package internal
