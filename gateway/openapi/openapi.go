// Package openapi holds the description of the public API, in OpenAPI 3.1. It
// is served at /openapi.yaml, routes and types are generated from it (see
// gateway/internal/openapiserver), and a [Description] has what must be known of
// it while requests come in. It is not for checking whole exchanges: that is for
// tests, see openapitest.
package openapi

import _ "embed"

// YAML is the description. Read it only.
//
//go:embed openapi.yaml
var YAML []byte
