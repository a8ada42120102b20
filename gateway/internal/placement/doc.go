// Package placement starts order placements, watches them and brings them the
// decisions of customers and operators: the gateway's side of the workflow that
// workflows/contract describes.
//
// It answers with the errors of internal/problem, and every call has a deadline
// of its own, because Temporal's client would otherwise retry for as long as
// the caller waits. It knows nothing of HTTP and decides nobody's rights.
package placement
