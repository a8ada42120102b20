package discovery

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
)

// Instance is one running process of a service, and how to reach it.
type Instance struct {
	// ID is unique among all instances of all services, for example
	// "payment-4f1c". A process that restarts should keep its ID when it can:
	// it then replaces its old registration instead of standing beside it.
	ID string `json:"id"`
	// Name is the service, for example "payment".
	Name string `json:"name"`
	// Host is an IP address or a name that the callers can resolve.
	Host string `json:"host"`
	// Port is the TCP port, 1 to 65535.
	Port int `json:"port"`
	// Version is the build that runs there. It may be empty.
	Version string `json:"version,omitempty"`
	// Tags are free labels.
	Tags []string `json:"tags,omitempty"`
	// Metadata are free pairs, for example the task queues of a worker.
	// Instances that a Resolver returns share this map: read it only.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Addr is the address to dial: "host:port", with brackets around an IPv6 host.
func (i Instance) Addr() string {
	return net.JoinHostPort(i.Host, strconv.Itoa(i.Port))
}

// Validate says what keeps the instance from being registered, all at once.
func (i Instance) Validate() error {
	var errs []error
	if i.ID == "" {
		errs = append(errs, errors.New("instance has no ID"))
	}
	if i.Name == "" {
		errs = append(errs, errors.New("instance has no service name"))
	}
	if i.Host == "" {
		errs = append(errs, errors.New("instance has no host"))
	}
	if i.Port < 1 || i.Port > 65535 {
		errs = append(errs, fmt.Errorf("instance has port %d, want 1 to 65535", i.Port))
	}
	return errors.Join(errs...)
}

func (i Instance) equal(other Instance) bool {
	return i.ID == other.ID && i.Name == other.Name && i.Host == other.Host && i.Port == other.Port &&
		i.Version == other.Version && slices.Equal(i.Tags, other.Tags) && maps.Equal(i.Metadata, other.Metadata)
}
