package main

import (
	"time"

	"orderflow/gateway/internal/api"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

// callTimeout bounds a call where nothing else is set: a client waits for the
// answer.
const callTimeout = 2 * time.Second

// changesTarget names the calls that wait for changes of orders. They have a
// breaker and a bulkhead of their own, because each lasts many seconds: in the
// order service's own bulkhead a few watchers would keep every reader out.
const changesTarget = "order-changes"

func changesLimits(cfg *settings) rpc.Config {
	limits := cfg.Order.RPC(callTimeout)
	limits.Timeout += api.LongestQuestion
	limits.Breaker.SlowCall = 0 // it is slow on purpose
	limits.Bulkhead = resilience.BulkheadConfig{MaxConcurrent: cfg.Streams}
	return limits
}

// auditTarget names the calls that read a service's raw rows. Like those that
// wait for changes they are kept apart from the calls of customers: an audit
// reads whole tables, as fast as it is let.
func auditTarget(service string) string { return service + "-audit" }

const (
	auditTimeout = 10 * time.Second
	auditReads   = 4
	auditQueue   = 16
)

func auditLimits() rpc.Config {
	return rpc.Config{
		Timeout:  auditTimeout,
		Bulkhead: resilience.BulkheadConfig{MaxConcurrent: auditReads, MaxQueue: auditQueue},
	}
}
