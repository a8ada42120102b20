package contract

import "time"

// The times in which an attempt, a task and an answer must end. They nest: what
// is inside gives up first, so that its failure is its own and not a timeout of
// what is around it. The call of a durable attempt has a time of its own, which
// is a setting of the workers and less than AttemptTimeout.
const (
	// FastAttempt bounds the call of a fast attempt.
	FastAttempt = 1500 * time.Millisecond
	// FastTimeout bounds the local activity around it. It is longer than a
	// healthy call by orders of magnitude, and short enough that a workflow task
	// of several steps stays one.
	FastTimeout = 2 * time.Second
	// WorkflowTaskTimeout is how long a task of a workflow may be with a worker,
	// and whoever starts one asks for it. It is what an order waits when that
	// worker is killed, or is given the task in the moment in which it stops to
	// poll: both happen in a rollout, so it is less than Temporal's ten seconds. A
	// task that takes longer is prolonged by its worker, at the price of some
	// events.
	WorkflowTaskTimeout = 5 * time.Second
	// AnswerTimeout is how long the answer of a workflow is waited for that needs
	// one workflow task: longer than a task that is lost.
	AnswerTimeout = WorkflowTaskTimeout + time.Second
	// AttemptTimeout bounds an attempt of a durable activity. It only strikes
	// when the worker is gone: what it left undone is then soon begun again
	// elsewhere.
	AttemptTimeout = 7 * time.Second
	// ClosedGrace is how long ago a workflow must have been closed before it is
	// taken for lost. A worker does not hear of it at once: it goes on with its
	// workflow task, and with the fast steps in it, until it reports (at four
	// fifths of WorkflowTaskTimeout) and to the end of the step that is under way
	// then. A recovery that began meanwhile would undo an order that is being
	// finished. Orders of before had ten seconds.
	ClosedGrace = 15 * time.Second
)
