// Package contract is what starter, gateway, workers and workflows must agree
// on about the order placement workflow: its name, task queues, workflow IDs,
// input, result, messages and search attributes.
//
// It is a leaf: it imports no other package of Orderflow but the vocabulary of
// money, so that a client of the workflow does not link the workflow.
package contract
