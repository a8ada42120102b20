// Package resilience keeps a sick service from hurting its callers and the
// other services: a circuit breaker stops calls that will fail, a bulkhead
// bounds the calls that can hang. A Guard is one of each around the calls to
// one target.
//
// The patterns are Circuit Breaker and Bulkhead of Michael Nygard's "Release
// It!". The breaker is sony/gobreaker; this package gives it the product's
// classification of results, the remaining open time, and reports outside its
// lock. The bulkhead is own code, because it has a bounded FIFO queue.
//
// Nothing here retries, sets a timeout or knows HTTP. Retries are the workflow
// engine's, timeouts belong to package rpc.
package resilience
