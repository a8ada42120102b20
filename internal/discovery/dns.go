package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
)

// DNSConfig says how the instances of a service are found in DNS, for platforms
// that publish them there: Kubernetes, Consul's own DNS, Nomad.
type DNSConfig struct {
	// Name is the DNS name of a service, with {service} in place of its name:
	// "{service}.shop.svc.cluster.local" for addresses,
	// "_http._tcp.{service}.shop.svc.cluster.local" for SRV records.
	Name string
	// Port is the port of every instance, whose addresses are then A and AAAA
	// records: one for each instance of a headless Kubernetes Service, the
	// cluster IP of any other. 0 asks for SRV records (RFC 2782), which have
	// the ports. Of those only the lowest priority is used, and weights are
	// not: the rotation decides.
	Port int
	// Refresh is how old an answer may become before DNS is asked again, 1 s
	// to 30 s. Each wait is up to a quarter shorter, so that many processes do
	// not ask at once. Default 10 s.
	Refresh time.Duration
	// Server is the name server, "host:port"; empty means the system's.
	Server string
}

const (
	serviceMark    = "{service}"
	defaultRefresh = 10 * time.Second
)

func (c DNSConfig) withDefaults() DNSConfig {
	if c.Refresh == 0 {
		c.Refresh = defaultRefresh
	}
	return c
}

// Validate reports every setting that is out of its range, all at once.
func (c DNSConfig) Validate() error {
	c = c.withDefaults()
	var errs []error
	if !strings.Contains(c.Name, serviceMark) {
		errs = append(errs, fmt.Errorf("DNS name %q: want one with %s in it", c.Name, serviceMark))
	}
	if c.Port < 0 || c.Port > 65535 {
		errs = append(errs, fmt.Errorf("DNS port %d: want 1 to 65535, or 0 for SRV records", c.Port))
	}
	if c.Refresh < time.Second || c.Refresh > staleness {
		errs = append(errs, fmt.Errorf("DNS refresh time %s: want 1s to %s", c.Refresh, staleness))
	}
	if _, _, err := net.SplitHostPort(c.Server); c.Server != "" && err != nil {
		errs = append(errs, fmt.Errorf("DNS server %q: want HOST:PORT", c.Server))
	}
	return errors.Join(errs...)
}

// NewDNS returns a resolver on DNS. Close it at the end. An error is a wrong
// setting.
//
// A name that DNS says does not exist, or that has no records, has no
// instances. When DNS does not answer, the last known instances stay in use.
func NewDNS(cfg DNSConfig, log *zap.Logger, options ...Option) (*Watched, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	resolver := &net.Resolver{}
	if cfg.Server != "" {
		resolver.PreferGo = true
		resolver.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, cfg.Server)
		}
	}
	return newWatched(&dnsSource{cfg: cfg, records: resolver}, log, options...), nil
}

// records is what is asked of DNS; *net.Resolver answers it.
type records interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dnsSource answers blocking queries from DNS, where nothing tells of a change:
// a query with an index waits for the refresh time and then looks.
type dnsSource struct {
	cfg     DNSConfig
	records records
}

func (s *dnsSource) waitHealthy(ctx context.Context, service string, index uint64, wait time.Duration) ([]Instance, uint64, error) {
	if index > 0 {
		refresh := s.cfg.Refresh - rand.N(s.cfg.Refresh/4)
		select {
		case <-time.After(min(refresh, wait)):
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	instances, err := s.lookup(ctx, service)
	if err != nil {
		return nil, 0, fmt.Errorf("asking DNS for the instances of %s: %w", service, err)
	}
	return instances, index + 1, nil
}

// lookup returns the instances that DNS has now, ordered by ID, each once.
func (s *dnsSource) lookup(ctx context.Context, service string) ([]Instance, error) {
	name := strings.ReplaceAll(s.cfg.Name, serviceMark, service)
	var found []netip.AddrPort
	var err error
	if s.cfg.Port > 0 {
		found, err = s.addresses(ctx, name, uint16(s.cfg.Port))
	} else {
		found, err = s.services(ctx, name)
	}
	if err != nil {
		return nil, err
	}
	instances := make([]Instance, 0, len(found))
	for _, at := range found {
		instances = append(instances, Instance{
			ID: at.String(), Name: service, Host: at.Addr().String(), Port: int(at.Port()),
		})
	}
	slices.SortFunc(instances, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(instances, Instance.equal), nil
}

// services looks up SRV records and the addresses of their targets. A target
// that does not exist is left out; so is the target ".", which says that there
// is no such service.
func (s *dnsSource) services(ctx context.Context, name string) ([]netip.AddrPort, error) {
	_, targets, err := s.records.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, unlessNotFound(err)
	}
	var found []netip.AddrPort
	for _, target := range targets { // ordered by priority
		if target.Priority != targets[0].Priority {
			continue
		}
		at, err := s.addresses(ctx, target.Target, target.Port)
		if err != nil {
			return nil, err
		}
		found = append(found, at...)
	}
	return found, nil
}

func (s *dnsSource) addresses(ctx context.Context, name string, port uint16) ([]netip.AddrPort, error) {
	addrs, err := s.records.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return nil, unlessNotFound(err)
	}
	found := make([]netip.AddrPort, 0, len(addrs))
	for _, addr := range addrs {
		found = append(found, netip.AddrPortFrom(addr.Unmap(), port))
	}
	return found, nil
}

// unlessNotFound returns nil for an answer that says that there is nothing.
func unlessNotFound(err error) error {
	var answer *net.DNSError
	if errors.As(err, &answer) && answer.IsNotFound {
		return nil
	}
	return err
}
