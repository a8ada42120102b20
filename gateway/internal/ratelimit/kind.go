package ratelimit

import "net/http"

// kind is a kind of requests, by where they are counted, and by what becomes of
// them while the shared counts cannot be had.
type kind int

const (
	// write changes something. It is refused when it cannot be counted for all
	// gateways: a budget that nobody counts would be an open door.
	write kind = iota
	// read is then counted in this process alone, which lets a few too many in at
	// most.
	read
	// stranger has no valid credential. It is counted in this process always, so
	// that nobody can keep the shared counts busy without one.
	stranger
)

// kindOf is the kind of a principal's request.
func kindOf(method string) kind {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return read
	default:
		return write
	}
}
