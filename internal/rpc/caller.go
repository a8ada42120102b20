package rpc

import "context"

// Caller makes one call to one target: *Client over the network, or a fake in
// a test. The typed clients of the services are written against it.
type Caller interface {
	// Call sends in as JSON (nil: no body) and decodes the answer into out
	// (nil: ignored). Errors are those of Client.Call.
	Call(ctx context.Context, method, path string, in, out any) error
}
