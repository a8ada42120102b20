package discovery

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// ConsulConfig says how to reach a Consul agent and how instances are kept
// there. A zero field takes the default.
type ConsulConfig struct {
	// Addr is the agent's HTTP address, "host:port". Default 127.0.0.1:8500.
	Addr string
	// Token is the ACL token; empty means the agent's anonymous token.
	Token string
	// TLS is used when it is enabled.
	TLS TLSConfig
	// CheckTTL is how long an instance counts as healthy after its last
	// heartbeat. Default 10 s.
	CheckTTL time.Duration
	// ReapAfter is how long an instance may be unhealthy before Consul removes
	// it. Consul looks only every 30 s, and takes no less than a minute.
	// Default 1 min.
	ReapAfter time.Duration
}

// TLSConfig says how to speak TLS to the Consul agent. All paths name PEM
// files.
type TLSConfig struct {
	Enabled bool
	// CAFile holds the authorities; empty means the system's.
	CAFile string
	// CertFile and KeyFile authenticate this process; both or none.
	CertFile string
	KeyFile  string
	// ServerName is expected in the agent's certificate; empty means the host
	// of the address.
	ServerName string
}

const (
	defaultConsulAddr = "127.0.0.1:8500"
	defaultCheckTTL   = 10 * time.Second
	defaultReapAfter  = time.Minute
)

func (c ConsulConfig) withDefaults() ConsulConfig {
	if c.Addr == "" {
		c.Addr = defaultConsulAddr
	}
	if c.CheckTTL == 0 {
		c.CheckTTL = defaultCheckTTL
	}
	if c.ReapAfter == 0 {
		c.ReapAfter = defaultReapAfter
	}
	return c
}

// Validate reports every setting that is out of its range, all at once.
func (c ConsulConfig) Validate() error {
	c = c.withDefaults()
	var errs []error
	if c.CheckTTL < time.Second {
		errs = append(errs, fmt.Errorf("Consul check TTL %s: want 1s or more", c.CheckTTL))
	}
	if c.ReapAfter < time.Minute {
		errs = append(errs, fmt.Errorf("Consul reap time %s: want 1m or more", c.ReapAfter))
	}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("Consul address %q: want HOST:PORT", c.Addr))
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("Consul TLS: set both the certificate file and the key file, or none"))
	}
	if !c.TLS.Enabled && c.TLS != (TLSConfig{}) {
		errs = append(errs, errors.New("Consul TLS: it is off, but there are settings for it"))
	}
	return errors.Join(errs...)
}

// heartbeatEvery leaves room for two lost heartbeats within the TTL. It is at
// most a second, because the heartbeat is also what notices that the agent has
// restarted and forgotten the instance.
func (c ConsulConfig) heartbeatEvery() time.Duration {
	return min(c.CheckTTL/3, time.Second)
}
