package devstack

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"orderflow/internal/supervisor"
)

// defaultDataDir is below the project's folder.
const defaultDataDir = ".orderflow"

// The largest numbers of equal processes on one machine.
const (
	MaxWorkers   = 64
	MaxInstances = 8
)

// Config are the settings of the system. The tags are read by internal/config,
// which also takes each from the environment: ORDERFLOW_GATEWAY_ADDR and so on.
type Config struct {
	GatewayAddr    string `default:"127.0.0.1:8080" type:"address" placeholder:"HOST:PORT" help:"Address of the gateway."`
	TemporalAddr   string `default:"127.0.0.1:7233" type:"address" placeholder:"HOST:PORT" help:"Address of the Temporal server."`
	TemporalUIAddr string `name:"temporal-ui-addr" default:"127.0.0.1:8233" type:"address" placeholder:"HOST:PORT" help:"Address of the Temporal UI."`
	ConsulAddr     string `default:"127.0.0.1:8500" type:"address" placeholder:"HOST:PORT" help:"Address of the Consul agent."`

	TemporalExternal  bool   `help:"Use the Temporal server that runs at its address; start none."`
	TemporalNamespace string `default:"default" help:"Temporal namespace."`
	ConsulExternal    bool   `help:"Use the Consul agent that runs at its address; start none."`
	TemporalBin       string `placeholder:"PATH" help:"Temporal program to start instead of the project's."`
	ConsulBin         string `placeholder:"PATH" help:"Consul program to start instead of the project's."`

	DataDir   string `default:".orderflow" placeholder:"DIR" help:"Folder for all data and logs; one system uses it at a time."`
	Demo      bool   `default:"true" negatable:"" help:"Place three demonstration orders at the start."`
	ReadyFile string `placeholder:"PATH" help:"File to write when the system is ready for orders and the demonstration is over."`
	// PayloadKeys is off for a laptop by default: the Temporal UI then shows
	// everything without a key.
	PayloadKeys string `type:"path" placeholder:"FILE" help:"Keyring that payloads in Temporal are encrypted with; starter payload-key makes one. Without it they are stored in the clear."`
	Workers     int    `default:"1" min:"1" max:"64" help:"How many worker processes to start."`
	// Instances share their service's database. The further gateways are found
	// in Consul, as a load balancer would find them.
	Instances int `default:"1" min:"1" max:"8" help:"How many instances of each service, and gateways, to start; all gateways but the first listen at free ports."`

	Console supervisor.Level `default:"warn" help:"Which log lines to show here, beside the log files: all, warn, error."`

	// Root is the project's folder; empty means the one of the working folder.
	Root string `kong:"-"`
	// Programs is a folder with the project's programs, as Build leaves them;
	// empty means that they are built. A fault test restarts processes while
	// the sources may change, and has a copy of its own.
	Programs string `kong:"-"`
	// Environ is the environment that the processes inherit. Beside the
	// settings that all read, ORDERFLOW_<SERVICE>_<SETTING> gives one service
	// a setting of its own: ORDERFLOW_PAYMENT_FAULTS, ORDERFLOW_ORDER_DSN.
	Environ []string `kong:"-"`
	// Out receives progress, the demonstration and the addresses; nil discards.
	Out io.Writer `kong:"-"`
	// Terminal says that Out can show colours and rewrite a line.
	Terminal bool `kong:"-"`
}

// Validate returns the first thing that is wrong, in one line.
func (c Config) Validate() error {
	if strings.ContainsAny(c.DataDir, "?#") {
		return fmt.Errorf("setting --data-dir (ORDERFLOW_DATA_DIR): %q has a ? or #, which a database address cannot hold", c.DataDir)
	}
	if c.Workers < 0 || c.Workers > MaxWorkers {
		return fmt.Errorf("setting --workers (ORDERFLOW_WORKERS): %d is not between 1 and %d", c.Workers, MaxWorkers)
	}
	if c.Instances < 0 || c.Instances > MaxInstances {
		return fmt.Errorf("setting --instances (ORDERFLOW_INSTANCES): %d is not between 1 and %d", c.Instances, MaxInstances)
	}
	seen := map[string]string{}
	for _, a := range c.withDefaults().addresses() {
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("setting %s: %w", a.setting, err)
		}
		if other, taken := seen[a.addr]; taken {
			return fmt.Errorf("settings %s and %s are both %s", other, a.setting, a.addr)
		}
		seen[a.addr] = a.setting
	}
	return nil
}

// withDefaults completes a Config that did not come from internal/config.
func (c Config) withDefaults() Config {
	c.GatewayAddr = cmp.Or(c.GatewayAddr, "127.0.0.1:8080")
	c.TemporalAddr = cmp.Or(c.TemporalAddr, "127.0.0.1:7233")
	c.TemporalUIAddr = cmp.Or(c.TemporalUIAddr, "127.0.0.1:8233")
	c.ConsulAddr = cmp.Or(c.ConsulAddr, "127.0.0.1:8500")
	c.TemporalNamespace = cmp.Or(c.TemporalNamespace, "default")
	c.DataDir = cmp.Or(c.DataDir, defaultDataDir)
	c.Workers = cmp.Or(c.Workers, 1)
	c.Instances = cmp.Or(c.Instances, 1)
	if c.Out == nil {
		c.Out = io.Discard
	}
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	return c
}

// address is one that the system is to listen at, or to find a server at.
type address struct {
	what     string // for a person
	addr     string
	setting  string
	external bool
}

func (c Config) addresses() []address {
	all := []address{
		{"the gateway's address", c.GatewayAddr, "--gateway-addr (ORDERFLOW_GATEWAY_ADDR)", false},
		{"Temporal's address", c.TemporalAddr, "--temporal-addr (ORDERFLOW_TEMPORAL_ADDR)", c.TemporalExternal},
		{"Consul's address", c.ConsulAddr, "--consul-addr (ORDERFLOW_CONSUL_ADDR)", c.ConsulExternal},
	}
	if !c.TemporalExternal {
		all = append(all, address{"the Temporal UI's address", c.TemporalUIAddr, "--temporal-ui-addr (ORDERFLOW_TEMPORAL_UI_ADDR)", false})
	}
	return all
}

// dataPath is the absolute path of something in the data folder.
func (c Config) dataPath(name string) string { return filepath.Join(c.DataDir, name) }

// dataDirIsDefault reports whether commands in the project's folder find the
// data folder without being told.
func (c Config) dataDirIsDefault() bool {
	return c.DataDir == filepath.Join(c.Root, defaultDataDir)
}

func (c Config) logDir() string  { return c.dataPath("logs") }
func (c Config) keysDir() string { return c.dataPath("keys") }

// serviceKeysDir is the folder of the keys that calls between the processes are
// signed with.
func (c Config) serviceKeysDir() string { return c.dataPath("service-keys") }

// dialable is the address under which a client on this machine reaches a
// server that may listen on all interfaces.
func dialable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return net.JoinHostPort(loopbackFor(host), port)
}

func loopbackFor(host string) string {
	switch ip := net.ParseIP(host); {
	case host == "" || host == "localhost":
		return "127.0.0.1"
	case ip == nil || !ip.IsUnspecified():
		return host
	case ip.To4() != nil:
		return "127.0.0.1"
	default:
		return "::1"
	}
}

// listenHost is the host in the form that every program takes: an IP address.
func listenHost(host string) string {
	if host == "" || host == "localhost" {
		return "127.0.0.1"
	}
	return host
}
