// Package activities is the saga's hands: one struct for each service, one
// guarded client call for each activity, and one place that turns the calls'
// errors into Temporal's.
//
// Answers that the saga does not need stay out of its history. Activities hold
// no state and decide nothing. Each may run twice, late, or
// beside its own twin; the services' fences make that harmless, because every
// request carries the key of its step.
package activities
