package chassis

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderflow/internal/config"
	"orderflow/internal/faults"
)

// Config has the settings that every service takes. Embed it without a prefix:
//
//	type settings struct {
//		chassis.Config `embed:""`
//		Sink string `help:"Where messages go."`
//	}
//
// A service with a database embeds DatabaseConfig.
type Config struct {
	Listen    config.Listen    `embed:"" prefix:"listen-"`
	Consul    config.Consul    `embed:"" prefix:"consul-"`
	Telemetry config.Telemetry `embed:""`

	Mode        Mode   `default:"development" enum:"development,production" help:"Whether to make do with what is convenient on a laptop (${enum}): production refuses to start where anybody could come in."`
	ServiceJWKS string `name:"service-jwks" type:"path" placeholder:"FILE" help:"Public keys (JWK set) that calls to this service must be signed with; starter service-key makes them. Without it, everybody may call. Of no use to gateway and workers."`

	EncryptedNetwork bool `help:"What goes from one of our machines to another is encrypted below us, by a mesh or a VPN, so that production mode may speak plain text there: to Consul, to Temporal, and to our services, which speak nothing else."`

	InstanceID   string        `help:"Name of this process among its equals, the same after a restart; by default service and a random part."`
	Advertise    string        `placeholder:"HOST[:PORT]" help:"Host, and port if it is another one, under which others reach this process; by default the host that it listens at, or this machine's address when that is all interfaces."`
	Discovery    bool          `default:"true" negatable:"" help:"Register in Consul."`
	Faults       faults.Spec   `placeholder:"SPEC" help:"Faults to inject, such as latency=200ms,error=0.1,lost=0.05."`
	FailPoints   bool          `help:"Break at the fail points that requests name, for fault tests; refused unless this process listens at the loopback."`
	SwitchFaults bool          `help:"Let the faults be replaced while this process runs, at /internal/faults of its address. The gateway never does."`
	BodyLimit    int64         `default:"1MiB" type:"size" min:"1KiB" max:"64MiB" help:"Largest request body."`
	DrainDelay   time.Duration `default:"200ms" max:"1m" help:"How long to go on accepting at the end, so that callers have heard that this process leaves."`
	DrainTimeout time.Duration `default:"10s" min:"100ms" help:"How long requests in flight may take at the end."`
}

// Named completes the settings with the instance's name, for a process that has
// to know it before Run.
func (c Config) Named(service string) Config {
	c.InstanceID = c.instanceID(service)
	return c
}

const (
	defaultListenAddr   = "127.0.0.1:0"
	defaultDrainTimeout = 10 * time.Second
)

// withDefaults completes a Config that did not come from internal/config.
// Discovery and DrainDelay stay as they are: off is right for tests.
func (c Config) withDefaults() Config {
	c.Listen.Addr = cmp.Or(c.Listen.Addr, defaultListenAddr)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, defaultDrainTimeout)
	return c
}

// instanceID returns the configured name, or one that no other process has.
func (c Config) instanceID(name string) string {
	if c.InstanceID != "" {
		return c.InstanceID
	}
	return name + "-" + uuid.NewString()[:8]
}

// lookupHost finds the addresses of this machine; tests replace it.
type lookupHost func(context.Context) (hostname string, addresses []string, err error)

// advertised is where others reach a process that listens at addr. A host of
// all interfaces is not an address: this machine's own one is taken then.
func (c Config) advertised(ctx context.Context, addr net.Addr, lookup lookupHost) (host string, port int, err error) {
	listening, ok := addr.(*net.TCPAddr)
	if !ok {
		return "", 0, fmt.Errorf("no host to advertise for a listener of type %T", addr)
	}
	if c.Advertise != "" {
		return c.advertisedAs(listening.Port)
	}
	if !listening.IP.IsUnspecified() {
		return listening.IP.String(), listening.Port, nil
	}
	hostname, addresses, err := lookup(ctx)
	if err != nil {
		return "", 0, fmt.Errorf("finding this machine's address to advertise (set --advertise): %w", err)
	}
	if host := reachable(addresses); host != "" {
		return host, listening.Port, nil
	}
	return "", 0, fmt.Errorf("the hostname %q has no address to advertise: set --advertise", hostname)
}

// advertisedAs reads the setting. Its port is that of whoever passes
// connections on, such as a container's host.
func (c Config) advertisedAs(listeningPort int) (host string, port int, err error) {
	if net.ParseIP(c.Advertise) != nil {
		return c.Advertise, listeningPort, nil
	}
	host, port = c.Advertise, listeningPort
	if before, number, err := net.SplitHostPort(c.Advertise); err == nil {
		if port, err = strconv.Atoi(number); err != nil || port < 1 || port > 65535 {
			return "", 0, config.Wrong("advertise", "%q is no port", number)
		}
		host = before
	}
	if host == "" || strings.ContainsAny(host, " /@") || net.ParseIP(host) == nil && strings.Contains(host, ":") {
		return "", 0, config.Wrong("advertise", "%q is no host", c.Advertise)
	}
	return host, port, nil
}

// checkFailPoints refuses fail points where strangers could send requests.
func (c Config) checkFailPoints() error {
	if !c.FailPoints {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen.Addr)
	if ip := net.ParseIP(host); err != nil || !ip.IsLoopback() {
		return config.Wrong("fail-points", "are for tests, but this process listens at %s, where others reach it", c.Listen.Addr)
	}
	return nil
}

// reachable chooses the address for others: not loopback and not link-local
// where there is another one, IPv4 before IPv6.
func reachable(addresses []string) string {
	best, bestRank := "", 0
	for _, address := range addresses {
		ip := net.ParseIP(address)
		var rank int
		switch {
		case ip == nil, ip.IsUnspecified(), ip.IsLinkLocalUnicast(), ip.IsMulticast():
			continue
		case ip.IsLoopback():
			rank = 1
		case ip.To4() == nil:
			rank = 2
		default:
			rank = 3
		}
		if rank > bestRank {
			best, bestRank = address, rank
		}
	}
	return best
}
