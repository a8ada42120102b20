// Package chaos runs the real product (Temporal, Consul, seven services,
// workers and the gateway as processes) under load, breaks it in every way that
// one machine allows, and then asks whether it has kept its promises.
//
// One seed gives a run: the orders, and the order of the faults. Orders are
// placed through the gateway by clients that write down every promise they are
// given ([Promises]). Between the processes stand wires ([Wire]): a proxy for
// faults of the network, and behind it one that knows which saga step a call
// belongs to, so that a fault can be aimed at a [Cell]: this fault, at this step,
// before, during or after its commit. "During" is inside the service, where only
// the service can break itself: see internal/faults/failpoint.
//
// The [Deck] deals the cells: first those that no run has reached, as the
// [Coverage] of all runs so far says. The [Driver] arms a fault, and the calls
// that come to its cells meet it ([Encounter]). What was missed comes again.
//
// Faults fill the first 70 % of the time. Then everything heals, has two minutes
// to come to rest, and is judged: the invariants by "starter verify", which
// reads every row; the clients' promises against the orders; privacy by looking
// for planted words in all that was written or answered. The invariants that
// hold at every moment are asked for during the faults too.
//
// The test of the test is [Defects]: the product with one thing left out, each
// of which must turn a run red.
//
// It is not for what can be proved with less: test/simulation plays the saga in
// virtual time, test/e2e tells single stories.
package chaos
