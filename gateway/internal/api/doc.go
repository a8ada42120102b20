// Package api is the public HTTP API: one file for each resource, and the one
// place where routes, scopes and ownership are decided.
//
// A handler checks what came in, asks another package and writes the answer.
// The routes are described by gateway/openapi; a test keeps both equal.
package api
