// Package orderview shows an order as clients see it: the order service's view
// joined with payment, shipment and the progress of the saga (the aggregator of
// an API gateway).
//
// The parts are read at once, each within a deadline. A part whose service is
// away is marked and the rest is shown. An order that was just accepted, whose
// service is away, or whose record is lost, is shown from what its workflow was
// started with.
//
// Only what is listed in [View] leaves: request hashes and other internal
// fields have no place in it. Who may see an order is decided by the caller.
package orderview
