// Package problem holds the errors that cross process boundaries.
//
// Every refusal that a service or the gateway answers is an [Error] with a
// stable [Code]. On the wire it is a problem document of RFC 9457
// (application/problem+json); a client turns the document back into the same
// Error, so that a refusal looks alike on both sides of a call.
//
// The table of codes is the only place that maps a failure to an HTTP status.
//
// The package is not for errors that stay inside one process: those are
// ordinary wrapped errors. It does not decide what is retried either; that is
// the business of internal/rpc and the activities.
package problem
