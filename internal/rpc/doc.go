// Package rpc is the one way in which a process of this product calls a
// service of it. A call goes through, in this order: bulkhead, circuit breaker,
// timeout, choice of an instance, HTTP, decoding.
//
// It makes one attempt. Whether a failed call is made again is decided by the
// caller, which for the saga is the workflow engine: a *problem.Error is the
// service's final answer, an *Error means that the call may be made again.
//
// It is not for calls to others (payment provider, carrier), whose rules
// differ, and it knows none of the services: their typed clients are written
// against Caller.
package rpc
