package chassis

import (
	"net"

	"orderflow/internal/config"
)

// Mode says whether a process may make do with what is convenient on a laptop.
type Mode string

// The modes. Any other text, such as none, is development: the command line
// lets no others through.
const (
	// Development makes its own keys, and says so.
	Development Mode = "development"
	// Production refuses to start where anybody could come in: each part of a
	// process names what is missing.
	Production Mode = "production"
)

// Strict reports whether the mode is Production.
func (m Mode) Strict() bool { return m == Production }

// checkMode refuses what is for tests only.
func (c Config) checkMode() error {
	switch {
	case !c.Mode.Strict():
		return nil
	case c.SwitchFaults:
		return config.Wrong("switch-faults", "production mode lets nobody switch faults")
	case c.FailPoints:
		return config.Wrong("fail-points", "production mode has no fail points")
	case c.Faults.Active():
		return config.Wrong("faults", "production mode injects no faults")
	}
	if !c.Discovery {
		return nil
	}
	return c.CheckConsul()
}

// CheckConsul refuses plain text to Consul as CheckPlainText does. Run does this
// for a process that registers; one that only asks does it by itself.
func (c Config) CheckConsul() error {
	return c.CheckPlainText(c.Consul.Addr, c.Consul.TLS, "consul-tls")
}

// CheckPlainText refuses, in production mode, to speak to another machine in
// plain text: who can read the network could read what goes there, and answer in
// its place. The flag is the one that switches TLS on.
func (c Config) CheckPlainText(addr string, tls bool, flag string) error {
	if !c.Mode.Strict() || c.EncryptedNetwork || tls || isThisMachine(addr) {
		return nil
	}
	return config.Wrong(flag, "production mode speaks no plain text to another machine, %s: set this, or --encrypted-network (%sENCRYPTED_NETWORK) where a mesh or a VPN encrypts it",
		addr, config.EnvPrefix)
}

// isThisMachine reports whether nothing leaves this machine on the way to the
// address "host:port".
func isThisMachine(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
