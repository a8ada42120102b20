package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/zap"
)

// versionKey is the metadata key under which Consul keeps an instance's version.
const versionKey = "version"

// requestTimeout bounds a request to the agent that does not block by design.
const requestTimeout = 5 * time.Second

// Consul is a Registry on a Consul agent.
type Consul struct {
	client    *api.Client
	transport *http.Transport
	cfg       ConsulConfig
	log       *zap.Logger
}

var (
	_ Registry     = (*Consul)(nil)
	_ healthSource = (*Consul)(nil)
)

// NewConsul returns a registry on the agent at cfg.Addr. It makes no request:
// the agent may come later. An error is a wrong setting.
//
// Consul's client library reads the variables CONSUL_* of the environment where
// a setting here is empty.
func NewConsul(cfg ConsulConfig, log *zap.Logger) (*Consul, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	settings := api.DefaultConfig()
	settings.Address = cfg.Addr
	settings.Scheme = "http"
	settings.Token = cfg.Token
	if cfg.TLS.Enabled {
		settings.Scheme = "https"
		settings.TLSConfig = api.TLSConfig{
			Address:  cfg.TLS.ServerName,
			CAFile:   cfg.TLS.CAFile,
			CertFile: cfg.TLS.CertFile,
			KeyFile:  cfg.TLS.KeyFile,
		}
	}
	client, err := api.NewClient(settings)
	if err != nil {
		return nil, fmt.Errorf("making the Consul client for %s: %w", cfg.Addr, err)
	}
	return &Consul{client: client, transport: settings.Transport, cfg: cfg, log: log}, nil
}

// Close ends the idle connections to the agent. Registrations have their own
// end: Deregister them first.
func (c *Consul) Close() { c.transport.CloseIdleConnections() }

// Ping reports whether the agent answers and its cluster has a leader, for
// readiness checks.
func (c *Consul) Ping(ctx context.Context) error {
	leader, err := c.client.Status().LeaderWithQueryOptions((&api.QueryOptions{}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("asking Consul at %s: %w", c.cfg.Addr, err)
	}
	if leader == "" {
		return fmt.Errorf("asking Consul at %s: %w", c.cfg.Addr, errNoLeader)
	}
	return nil
}

var (
	errNoLeader   = errors.New("the cluster has no leader")
	errNotAllowed = errors.New("the token may not read them")
)

// Instances lists the service's registered instances, healthy or not.
func (c *Consul) Instances(ctx context.Context, service string) ([]Instance, error) {
	instances, _, err := c.query(ctx, service, false, 0, 0)
	return instances, err
}

// HealthyInstances lists the service's instances whose checks all pass.
func (c *Consul) HealthyInstances(ctx context.Context, service string) ([]Instance, error) {
	instances, _, err := c.query(ctx, service, true, 0, 0)
	return instances, err
}

// waitHealthy implements healthSource by a blocking query.
func (c *Consul) waitHealthy(ctx context.Context, service string, index uint64, wait time.Duration) ([]Instance, uint64, error) {
	return c.query(ctx, service, true, index, wait)
}

// query asks for a service's instances, ordered by ID. With an index it returns
// when something has changed since that index or the wait is over; Consul adds
// up to a sixteenth to the wait.
func (c *Consul) query(ctx context.Context, service string, passing bool, index uint64, wait time.Duration) ([]Instance, uint64, error) {
	// An agent that hangs must not look like one where nothing changes.
	ctx, cancel := context.WithTimeout(ctx, wait+wait/16+requestTimeout)
	defer cancel()

	options := (&api.QueryOptions{WaitIndex: index, WaitTime: wait}).WithContext(ctx)
	entries, meta, err := c.client.Health().Service(service, "", passing, options)
	if err != nil {
		return nil, 0, fmt.Errorf("asking Consul for the instances of %s: %w", service, err)
	}
	if len(entries) == 0 && meta.ResultsFilteredByACLs {
		// What the token may not see is unknown, not absent. Consul says so of
		// a token only: without one it does not tell that there is more.
		return nil, 0, fmt.Errorf("asking Consul for the instances of %s: %w", service, errNotAllowed)
	}
	instances := make([]Instance, 0, len(entries))
	for _, entry := range entries {
		instances = append(instances, instanceOf(entry))
	}
	slices.SortFunc(instances, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	return instances, meta.LastIndex, nil
}

// instanceOf reads an entry. A service that was registered without an address
// is reached at its node's.
func instanceOf(entry *api.ServiceEntry) Instance {
	instance := Instance{
		ID:       entry.Service.ID,
		Name:     entry.Service.Service,
		Host:     entry.Service.Address,
		Port:     entry.Service.Port,
		Version:  entry.Service.Meta[versionKey],
		Tags:     entry.Service.Tags,
		Metadata: maps.Clone(entry.Service.Meta),
	}
	delete(instance.Metadata, versionKey)
	if instance.Host == "" && entry.Node != nil {
		instance.Host = entry.Node.Address
	}
	return instance
}

// registrationOf is what Consul is told about an instance. It is passing from
// the start: an instance registers when it is ready to serve.
func (c *Consul) registrationOf(instance Instance) *api.AgentServiceRegistration {
	meta := make(map[string]string, len(instance.Metadata)+1)
	maps.Copy(meta, instance.Metadata)
	if instance.Version != "" {
		meta[versionKey] = instance.Version
	}
	return &api.AgentServiceRegistration{
		ID:      instance.ID,
		Name:    instance.Name,
		Address: instance.Host,
		Port:    instance.Port,
		Tags:    instance.Tags,
		Meta:    meta,
		Check: &api.AgentServiceCheck{
			CheckID:                        checkID(instance),
			Name:                           "heartbeat",
			TTL:                            c.cfg.CheckTTL.String(),
			Status:                         api.HealthPassing,
			DeregisterCriticalServiceAfter: c.cfg.ReapAfter.String(),
		},
	}
}

func checkID(instance Instance) string { return "heartbeat:" + instance.ID }

// announce registers the instance with the agent. Doing it again replaces the
// registration.
func (c *Consul) announce(ctx context.Context, instance Instance) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
	if err := c.client.Agent().ServiceRegisterOpts(c.registrationOf(instance), options); err != nil {
		return fmt.Errorf("registering %s in Consul: %w", instance.ID, err)
	}
	return nil
}

// beat tells the agent that the instance lives. The error is errForgotten when
// the agent does not know it.
func (c *Consul) beat(ctx context.Context, instance Instance) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := (&api.QueryOptions{}).WithContext(ctx)
	err := c.client.Agent().UpdateTTLOpts(checkID(instance), "", api.HealthPassing, options)
	if unknownToAgent(err) {
		return errForgotten
	}
	return err
}

// withdraw takes the instance out of Consul. One that is not there is no error.
func (c *Consul) withdraw(ctx context.Context, instance Instance) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := (&api.QueryOptions{}).WithContext(ctx)
	err := c.client.Agent().ServiceDeregisterOpts(instance.ID, options)
	if err != nil && !unknownToAgent(err) {
		return fmt.Errorf("deregistering %s from Consul: %w", instance.ID, err)
	}
	return nil
}

// errForgotten says that the agent does not know the instance: it restarted
// without its state, or has reaped the instance.
var errForgotten = errors.New("the agent does not know the instance")

// unknownToAgent reads the agent's answer to an ID that it does not know: 404,
// and 500 with a text in older versions.
func unknownToAgent(err error) bool {
	var status api.StatusError
	if !errors.As(err, &status) {
		return false
	}
	return status.Code == http.StatusNotFound ||
		status.Code == http.StatusInternalServerError && strings.Contains(status.Body, "does not have associated TTL")
}
