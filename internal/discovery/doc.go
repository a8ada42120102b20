// Package discovery tells where the instances of a service are.
//
// It has two sides. A service registers itself (Registry, implemented by
// Consul) and is then kept healthy in the registry by a heartbeat. A caller
// asks a Resolver for the next instance: Watched keeps the healthy set of each
// service it was asked for in memory by Consul's blocking queries, so that a
// lookup costs no network call and goes on working while Consul is away. Static
// resolves from a fixed table, for tests and for platforms that have their own
// discovery.
//
// The pattern is client-side service discovery: the caller chooses the
// instance, by round robin.
//
// It is not for calling the instance, nor for guarding the call: that is
// package rpc. It is the only package that knows Consul.
package discovery
