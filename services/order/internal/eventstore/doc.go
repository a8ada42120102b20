// Package eventstore appends facts to streams and reads them back, by stream
// or in one global order.
//
// Three promises carry everything that is built on it:
//
//   - Optimistic concurrency: an append names the version that it has seen.
//     Of all appends that have seen the same version exactly one succeeds.
//   - A global order without holes and without late arrivals. The position
//     comes from a row that the append transaction holds locked until it ends,
//     so a reader that has seen position n has seen every position below n. A
//     database sequence does not promise this: it is drawn before the commit,
//     and a cursor over it loses events that commit late.
//   - Times never fall along the global order, even when a clock goes
//     backwards. "As of a time" is therefore always a prefix of history.
//
// Events are never changed and never deleted. A long stream may have a
// snapshot, from which it is loaded faster; snapshots can be deleted at any
// time.
//
// The package does not know orders: payloads are JSON that somebody else
// reads. It is not a message broker either: readers ask it. A Listener only
// tells them when it is worth asking.
package eventstore
