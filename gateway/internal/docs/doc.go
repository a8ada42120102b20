// Package docs is the readable page of the API at /docs: openapi.yaml as HTML,
// made once when the gateway starts.
//
// The page needs nothing from elsewhere, neither a network nor a script, so
// that it works wherever the gateway does and its content security policy can
// forbid everything but its own style sheet.
//
// It shows what the description of this product uses of OpenAPI 3.1, and is no
// viewer for others'.
package docs
