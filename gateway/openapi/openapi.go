// Package openapi holds the description of the public API, in OpenAPI 3.1. It
// is served at /openapi.yaml.
package openapi

import _ "embed"

// YAML is the description. Read it only.
//
//go:embed openapi.yaml
var YAML []byte
