package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Static is a Resolver with a fixed table from service name to instances, for
// tests. It spreads calls at random, since a table has no memory of whose turn
// it is, and does not follow them; see NewFixed.
type Static map[string][]Instance

var _ Resolver = Static(nil)

// Next returns one of the service's instances, or ErrNoAvailableInstance.
func (s Static) Next(_ context.Context, service string) (Instance, error) {
	instances := s[service]
	switch len(instances) {
	case 0:
		return Instance{}, fmt.Errorf("resolving %s: %w", service, ErrNoAvailableInstance)
	case 1:
		return instances[0], nil
	default:
		return instances[rand.IntN(len(instances))], nil
	}
}
