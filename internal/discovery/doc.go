// Package discovery tells where the instances of a service are, and which of
// them takes the next call.
//
// It has two sides. A service registers itself (Registry, implemented by
// Consul) and is then kept healthy in the registry by a heartbeat. A caller
// asks a Resolver for the next instance: Watched keeps the healthy set of each
// service it was asked for in memory, from Consul by blocking queries, from DNS
// by asking again and again, or from a fixed table. A lookup then costs no
// network call, and goes on working while Consul or DNS is away. Open makes the
// one that a setting names. Static resolves from a map, for tests.
//
// The pattern is client-side service discovery: the caller chooses the
// instance, by turns or by load. It is told how the calls end (Pick), and
// leaves alone for a while an instance whose calls keep failing: passive health
// checking, by the rules of Envoy's outlier detection.
//
// It is not for calling the instance, nor for guarding the call: that is
// package rpc. It is the only package that knows Consul.
package discovery
