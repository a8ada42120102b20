// Package domain is the order aggregate: which orders can exist, and which
// commands they accept in which state.
//
// It is pure. A command looks at the order's state and decides an event; an
// event evolves the state; nothing else does. Time comes in as an argument,
// and there is no clock, random source, store or network in here. The shape is
// the decider of functional event sourcing: decide(command, state) -> event,
// evolve(state, event) -> state.
//
// It is not for storing events (eventstore), writing them as JSON
// (eventcodec), or showing orders to anybody (readmodel).
package domain
