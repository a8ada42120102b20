// Package backlog refuses new orders while too many wait to be begun: load
// shedding by what is behind the gateway, where package edge sheds by what is in
// it.
//
// Every accepted order is a workflow, and its first task waits in the workers'
// task queue until one of them has time. A gateway that accepts more than the
// workers begin makes that queue grow without bound, and each customer wait
// longer than the one before. Temporal knows how many tasks wait, over all
// gateways; a [Shedder] asks for it, adds what its own gateway has started
// since, and refuses at a limit.
//
// It knows nothing of orders or HTTP, and leaves alone what is no new order:
// reads, decisions and repetitions are the caller's business.
package backlog
