package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"
)

// Addresses are the fixed addresses of services, "host:port", by service. A
// host may be a name that a platform balances by itself, such as a Kubernetes
// Service.
type Addresses map[string][]string

// Validate reports every address that cannot be one, all at once.
func (a Addresses) Validate() error {
	_, err := a.table()
	return err
}

func (a Addresses) table() (Static, error) {
	table := make(Static, len(a))
	var errs []error
	for _, service := range slices.Sorted(maps.Keys(a)) {
		for _, address := range a[service] {
			host, text, _ := net.SplitHostPort(address)
			port, err := strconv.Atoi(text)
			instance := Instance{ID: address, Name: service, Host: host, Port: port}
			if err != nil || instance.Validate() != nil {
				errs = append(errs, fmt.Errorf("address %q of service %s: want HOST:PORT", address, service))
				continue
			}
			table[service] = append(table[service], instance)
		}
	}
	return table, errors.Join(errs...)
}

// NewFixed returns a resolver that knows these addresses and no others. Unlike
// Static it follows the calls: it has a policy, and ejects. Close it at the end.
// An error is a wrong address.
func NewFixed(addresses Addresses, log *zap.Logger, options ...Option) (*Watched, error) {
	table, err := addresses.table()
	if err != nil {
		return nil, err
	}
	for _, instances := range table {
		slices.SortFunc(instances, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	}
	return newWatched(fixedSource(table), log, options...), nil
}

// fixedSource answers blocking queries from a table, in which nothing changes.
type fixedSource Static

func (s fixedSource) waitHealthy(ctx context.Context, service string, index uint64, wait time.Duration) ([]Instance, uint64, error) {
	if index > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	return s[service], 1, nil
}
