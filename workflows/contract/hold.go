package contract

import "time"

// A service that all orders depend on can be put on hold. The hold is a
// workflow of its own, so that it outlives every process: it is on while the
// workflow HoldID runs. Activities refuse their calls with ErrorOnHold then. An
// order that was refused signals SignalAwaitRelease to it and waits; no attempt
// is used and no clock runs. After the release another workflow signals
// SignalReleased to those who wait, so many a second.
const (
	// HoldDependency is the type of the hold's workflow. It takes HoldInput.
	HoldDependency = "HoldDependency"
	// ReleaseDependency is the type of the workflow that lets the orders go.
	ReleaseDependency = "ReleaseDependency"

	// SignalAwaitRelease goes to the hold; it takes the order's ID.
	SignalAwaitRelease = "awaitRelease"
	// SignalReleased goes to the order; it takes the service's task queue.
	SignalReleased = "released"
	// QueryHold answers with HoldStatus.
	QueryHold = "hold"
	// UpdateReleaseHold ends the hold. It takes ReleaseRequest and returns
	// HoldStatus. Refused with ErrorInvalidInput, or with ErrorNotHeld when it
	// is being released.
	UpdateReleaseHold = "release"

	// ErrorOnHold is the type of an activity's error. It is not retried.
	ErrorOnHold = "OnHold"
)

// HoldID is the ID of the workflow that holds the service behind a task queue.
func HoldID(queue string) string { return "hold-" + queue }

// HoldInput says what is held, by whom and why.
type HoldInput struct {
	// Queue is the service's task queue.
	Queue       string    `json:"queue"`
	Reason      string    `json:"reason"`
	RequestedBy string    `json:"requestedBy"`
	Since       time.Time `json:"since"`
	// Waiting is carried over when the hold's history has become long.
	Waiting []string `json:"waiting,omitempty"`
}

// ReleaseRequest ends a hold.
type ReleaseRequest struct {
	Reason      string `json:"reason"`
	RequestedBy string `json:"requestedBy"`
	// PerSecond is how many of the waiting orders go on each second, from 1 to
	// 1,000; 0 means DefaultReleaseRate.
	PerSecond int `json:"perSecond,omitempty"`
}

// DefaultReleaseRate is a pace that a service which has just come back bears.
const DefaultReleaseRate = 10

// HoldStatus is how a hold stands.
type HoldStatus struct {
	Queue       string    `json:"queue"`
	Reason      string    `json:"reason"`
	RequestedBy string    `json:"requestedBy"`
	Since       time.Time `json:"since"`
	// Waiting is how many orders have asked to be told of the release.
	Waiting int `json:"waiting"`
}

// ReleaseInput is what is left of a release.
type ReleaseInput struct {
	Queue     string   `json:"queue"`
	PerSecond int      `json:"perSecond"`
	Orders    []string `json:"orders"`
}
