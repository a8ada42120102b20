package contract

// A service that all orders depend on can be put on hold. The hold is a
// workflow of its own, so that it outlives every process: it is on while the
// workflow HoldID runs. Activities refuse their calls with ErrorOnHold then.
// An order that was refused signals SignalAwaitRelease to it and waits, and the
// hold signals SignalReleased to those who wait, one after the other.
const (
	// SignalAwaitRelease goes to the hold; it takes the order's ID.
	SignalAwaitRelease = "awaitRelease"
	// SignalReleased goes to the order; it takes the service's task queue.
	SignalReleased = "released"
	// ErrorOnHold is the type of an activity's error. It is not retried.
	ErrorOnHold = "OnHold"
)

// HoldID is the ID of the workflow that holds the service behind a task queue.
func HoldID(queue string) string { return "hold-" + queue }
