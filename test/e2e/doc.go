// Package e2e boots the real product (a Temporal server, a Consul agent, every
// service, workers and the gateway as processes of their own) and uses it from
// outside, while its processes are killed.
//
// It has only tests. What can be proved with less is proved elsewhere.
package e2e
