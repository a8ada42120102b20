// Package gatewayclient is a typed client of the gateway's public HTTP API.
//
// Every method makes one attempt and reports what came of it; [Retry] is the
// loop that callers put around an attempt. The types hold what the starter
// reads of the API's documents; members that it does not know are ignored, so
// that a newer gateway stays usable.
//
// The package is not for calls between services: those go through
// internal/rpc, by discovery. It knows the gateway by its address only.
package gatewayclient
