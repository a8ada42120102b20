// Package query is the read side of the order service: one handler for each
// question. Answers come from the read model, and from the stream where the
// question is about history or the read model is behind.
//
// An order's own view is never older than the last acknowledged command: if the
// projector has not come so far, the handler waits for it a moment, and then
// folds the stream itself, which gives the same view. Lists of orders may be
// some milliseconds behind; a caller that says which version of an order it has
// seen gets a list that shows it.
//
// Handlers change nothing. An order that does not exist is problem.NotFound;
// other errors are the database's own and may pass.
package query
