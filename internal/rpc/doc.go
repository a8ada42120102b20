// Package rpc is the one way in which a process of this product calls a
// service of it. A call goes through, in this order: retry budget, bulkhead,
// circuit breaker, timeout, choice of an instance, HTTP, decoding.
//
// It makes one attempt. Whether a failed call is made again is decided by the
// caller, which for the saga is the workflow engine: a *problem.Error is the
// service's final answer, an *Error means that the call may be made again. The
// caller says what a call is by WithAttempt and WithPurpose.
//
// A failure is the service's or an instance's. While another instance does
// well, it is the instance's: enough of them in a row eject it, and the breaker,
// which stops the calls to all, stays closed. When no instance does well, it is
// the service's, and the breaker opens.
//
// It is not for calls to others (payment provider, carrier), whose rules
// differ, and it knows none of the services: their typed clients are written
// against Caller.
package rpc
