// Package api is the public HTTP API: one file for each resource, and the one
// place where ownership is decided.
//
// A handler checks what came in, asks another package and writes the answer.
// Routes, scopes and queries are those of gateway/openapi: gateway/internal/
// openapiserver is generated from it, and [API] implements what stands there.
package api
