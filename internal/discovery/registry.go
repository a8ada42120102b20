package discovery

import (
	"context"
	"errors"
	"time"
)

// ErrNoAvailableInstance says that the registry knows no healthy instance of
// the service. The service is down or not started: try again later.
var ErrNoAvailableInstance = errors.New("no available instance")

// ErrInstancesUnknown says that the registry has never answered for this
// service, so that nobody can say whether there are instances. The registry is
// down or slow: try again later.
var ErrInstancesUnknown = errors.New("instances not known yet")

// Registry is where services announce themselves.
type Registry interface {
	// Register announces the instance and keeps it announced, and healthy,
	// until Deregister. An error means that nothing was registered: try again.
	// The context bounds the first announcement only.
	Register(ctx context.Context, instance Instance) (Registration, error)

	// Instances lists every registered instance of the service, healthy or
	// not. An unknown service is an empty list.
	Instances(ctx context.Context, service string) ([]Instance, error)

	// HealthyInstances lists the instances of the service whose health checks
	// all pass. An unknown service is an empty list.
	HealthyInstances(ctx context.Context, service string) ([]Instance, error)
}

// Registration is one announced instance.
type Registration interface {
	// Deregister ends the heartbeat and takes the instance out of the
	// registry. Call it before the listener closes, so that callers stop
	// choosing the instance while it can still answer. The heartbeat has ended
	// also when an error is returned; the registry then reaps the instance by
	// itself. A second call does nothing.
	Deregister(ctx context.Context) error
}

// Resolver chooses the instance for a call.
type Resolver interface {
	// Next returns an instance of the service, another one each time when
	// there are several. It fails with ErrNoAvailableInstance when there is
	// none, and with ErrInstancesUnknown when the registry did not answer
	// before the context ended.
	Next(ctx context.Context, service string) (Instance, error)
}

// Balancer is a Resolver that follows the calls to the instances that it
// chooses, by which it knows who is busy and who is bad.
type Balancer interface {
	Resolver
	Observer
	// Pick chooses as Next does, and counts the call as under way until the
	// pick is Done. An instance that was ejected is chosen again only here.
	Pick(ctx context.Context, service string) (Pick, error)
	// Status is what is known of the service and its instances. It is empty
	// for a service that nobody has asked for.
	Status(service string) Status
	// Newest is when the service's latest instance joined: one that is new,
	// has moved, runs another version, or was gone for longer than the longest
	// ejection. What failed before then says little about it. It is the zero
	// time when the service has no instance.
	Newest(service string) time.Time
}

// Observer is implemented by a Resolver that wants to hear which instance
// could not be reached.
type Observer interface {
	// Failed reports that no connection to the instance could be made, so that
	// no byte of the request has reached it. The registry may not have noticed
	// yet that it is gone.
	Failed(instance Instance)
}
