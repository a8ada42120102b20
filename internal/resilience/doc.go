// Package resilience keeps a sick service from hurting its callers and the
// other services: a circuit breaker stops calls that will fail, a bulkhead
// bounds the calls that can hang, a retry budget bounds what is called again. A
// Guard is one retry budget, one bulkhead for each purpose and one breaker
// around the calls to one target.
//
// The patterns are Circuit Breaker and Bulkhead of Michael Nygard's "Release
// It!", and the retry budget of Twitter's Finagle. All three are own code: no
// library has the brief's bounded FIFO queue, and none has a breaker that tells
// a bad instance from a bad target and that can be told to try early.
//
// Nothing here retries, sets a timeout or knows HTTP. Retries are the workflow
// engine's, timeouts belong to package rpc, and which instance is called, or
// left alone for a while, is decided in package discovery.
package resilience
