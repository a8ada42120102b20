// Package replayed runs orders of the simulation on a real Temporal server, by a
// worker that keeps no workflow in memory: after each workflow task it is
// evicted, its deferred functions run, and the next task replays it from its
// history. The ends must be those of the test environment, where that never
// happens.
//
// Played are the whole matrix of steps and troubles, and orders that are drawn
// from a seed: 108, on both ways, or as many as REPLAYED says. Time is real
// here, so they are drawn by their calls alone, and none of them waits long.
//
// The size of the cache of workflows is one of the process, hence a package of
// its own.
package replayed
