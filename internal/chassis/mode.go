package chassis

import (
	"maps"
	"net"
	"slices"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
)

// Mode says whether a process may make do with what is convenient on a laptop.
type Mode string

// The modes. Any other text, such as none, is development: the command line
// lets no others through.
const (
	// Development makes its own keys, and says so.
	Development Mode = "development"
	// Production refuses to start where anybody could come in, and names the first
	// setting that is missing.
	Production Mode = "production"
)

// Strict reports whether the mode is Production.
func (m Mode) Strict() bool { return m == Production }

// Validate refuses what the mode, or the address, does not allow. It reads
// nothing.
func (c Config) Validate() error {
	if err := c.checkFailPoints(); err != nil {
		return err
	}
	return c.checkMode()
}

// checkMode refuses what is for tests only, and plain text to Consul.
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

// CheckConsul refuses plain text to Consul as CheckPlainText does. Validate does
// this for a process that registers.
func (c Config) CheckConsul() error {
	return c.CheckPlainText(c.Consul.Addr, c.Consul.TLS, "consul-tls")
}

// CheckLookup refuses plain text, as CheckPlainText does, to where instances are
// found, and to services whose addresses are settings. What Consul or DNS will
// say is not known yet.
func (c Config) CheckLookup(lookup Lookup) error {
	if lookup.InConsul() {
		return c.CheckConsul()
	}
	found := lookup.Discovery(c.Consul)
	if found.Kind != discovery.KindStatic {
		return nil
	}
	for _, service := range slices.Sorted(maps.Keys(found.Static)) {
		for _, addr := range found.Static[service] {
			// Calls to services speak nothing else.
			if err := c.CheckPlainText(addr, false, "encrypted-network"); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckPlainText refuses, in production mode, to speak to another machine in
// plain text: who can read the network could read what goes there, and answer in
// its place. The flag is the one that would allow it.
func (c Config) CheckPlainText(addr string, tls bool, flag string) error {
	if !c.Mode.Strict() || c.EncryptedNetwork || tls || isThisMachine(addr) {
		return nil
	}
	return config.Wrong(flag, "production mode speaks no plain text to another machine, %s: set this, or --encrypted-network (%sENCRYPTED_NETWORK) where a mesh or a VPN encrypts it",
		addr, config.EnvPrefix)
}

// isThisMachine reports whether nothing leaves this machine on the way to the
// address "host:port": the loopback, or an address of this machine's own.
func isThisMachine(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(addr net.Addr) bool {
		network, ok := addr.(*net.IPNet)
		return ok && network.IP.Equal(ip)
	})
}
