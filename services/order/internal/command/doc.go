// Package command is the write side of the order service: one handler for each
// command. A handler runs one transaction: it passes the fence, loads the
// order's stream, lets the domain decide, appends what was decided, and lets
// the fence keep the answer. All of it commits together or not at all.
//
// A long stream is loaded from a snapshot, which a command leaves in its own
// transaction; one that cannot be used is passed over.
//
// Create, confirm and ship are actions under keys of their own. Cancel is the
// compensation of create, under create's key. Interventions have keys of their
// own too, and are never undone.
//
// The handlers' errors are *problem.Error when the answer is final. Any other
// error means that the outcome is unknown at worst; the caller sends the same
// command again, and the fence makes that harmless.
//
// The package never reads the read model.
package command
