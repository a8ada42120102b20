package chassis

import (
	"strings"
	"time"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
)

// Lookup says where a process finds the instances of the services that it
// calls, and how its calls are spread over them. Embed it with the prefix
// "lookup-". Whether the process itself is registered is another matter, see
// Config.Discovery.
type Lookup struct {
	Kind string `default:"consul" enum:"consul,dns,static" help:"Where the instances of services are found: ${enum}."`

	Static map[string]string `mapsep:";" placeholder:"SERVICE=HOST:PORT,...;..." help:"Where each service is, for lookup-kind static."`

	DNSName    string        `name:"dns-name" placeholder:"NAME" help:"DNS name of a service with {service} in it, for lookup-kind dns: of A records with a port, otherwise of SRV records."`
	DNSPort    int           `name:"dns-port" default:"0" max:"65535" help:"Port of every instance; 0 asks for SRV records."`
	DNSRefresh time.Duration `name:"dns-refresh" default:"10s" min:"1s" max:"30s" help:"How old an answer of DNS may become."`
	DNSServer  string        `name:"dns-server" type:"address" placeholder:"HOST:PORT" help:"Name server; by default the system's."`

	Balance  string `default:"round-robin" enum:"round-robin,least-in-flight" help:"Which instance gets the next call: ${enum}."`
	Ejection bool   `default:"true" negatable:"" help:"Leave an instance alone for a while when its calls keep failing."`
}

// Validate refuses settings that the chosen kind cannot work with.
func (l Lookup) Validate() error {
	cfg := l.Discovery(config.Consul{})
	switch cfg.Kind {
	case discovery.KindConsul: // has settings of its own
	case discovery.KindStatic:
		if len(cfg.Static) == 0 {
			return config.Wrong("lookup-static", "is needed with --lookup-kind=static")
		}
		if err := cfg.Static.Validate(); err != nil {
			return config.Wrong("lookup-static", "%v", err)
		}
	case discovery.KindDNS:
		if err := cfg.DNS.Validate(); err != nil {
			return config.Wrong("lookup-dns-name", "%v", err)
		}
	}
	return nil
}

// InConsul reports whether instances are found in Consul.
func (l Lookup) InConsul() bool { return l.Discovery(config.Consul{}).Kind == discovery.KindConsul }

// Discovery are the settings as package discovery takes them.
func (l Lookup) Discovery(consul config.Consul) discovery.Config {
	addresses := make(discovery.Addresses, len(l.Static))
	for service, list := range l.Static {
		addresses[service] = strings.Split(list, ",")
	}
	kind := discovery.Kind(l.Kind)
	if kind == "" {
		kind = discovery.KindConsul
	}
	return discovery.Config{
		Kind:   kind,
		Consul: Agent(consul),
		DNS:    discovery.DNSConfig{Name: l.DNSName, Port: l.DNSPort, Refresh: l.DNSRefresh, Server: l.DNSServer},
		Static: addresses,
		Balance: discovery.Balance{
			Policy:   discovery.Policy(l.Balance),
			Ejection: discovery.Ejection{Off: !l.Ejection},
		},
	}
}

// Agent says how to reach the Consul agent.
func Agent(consul config.Consul) discovery.ConsulConfig {
	return discovery.ConsulConfig{
		Addr:  consul.Addr,
		Token: consul.Token,
		TLS: discovery.TLSConfig{
			Enabled: consul.TLS, CAFile: consul.CA, CertFile: consul.Cert, KeyFile: consul.Key, ServerName: consul.ServerName,
		},
	}
}
