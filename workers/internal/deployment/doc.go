// Package deployment is about Temporal's worker deployments: which version a
// worker process is, and the step that brings a new version into service.
//
// The step waits until workers of the new version poll every task queue, makes
// the version current, so that new orders begin on it, and takes along the
// orders that wait for somebody. All other orders are pinned: they end on the
// version that they began on, whose workers run until it is drained.
//
// The package builds and starts no workers.
package deployment
