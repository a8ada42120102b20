// Package openapiserver is generated from gateway/openapi/openapi.yaml: the
// interface that the handlers of gateway/internal/api implement, the routes that
// lead to them, and the types of paths, queries and answers. `make generate`
// makes it again.
//
// overlay.yaml says what is not generated and why: header fields, bodies of
// requests, and the shapes that other packages have already. The gateway's other
// routes (probes, the description itself, the codec of the Temporal UI) are not
// here either: they belong to packages that are not only the API's.
package openapiserver

//go:generate go tool -modfile=../../../tools/openapi/go.mod oapi-codegen -config oapi-codegen.yaml -o openapiserver.gen.go ../../openapi/openapi.yaml
