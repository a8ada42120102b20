package discovery

import (
	"errors"
	"fmt"

	"go.uber.org/zap"
)

// Kind is where a process finds the instances that it calls.
type Kind string

// The kinds.
const (
	// KindConsul follows the healthy instances in Consul.
	KindConsul Kind = "consul"
	// KindDNS asks DNS again and again.
	KindDNS Kind = "dns"
	// KindStatic has a fixed table.
	KindStatic Kind = "static"
)

// Config says where the instances are found and how calls are spread over them.
// Of the settings for each kind only those of the chosen one are looked at.
type Config struct {
	// Kind is KindConsul by default.
	Kind    Kind
	Consul  ConsulConfig
	DNS     DNSConfig
	Static  Addresses
	Balance Balance
}

// Validate reports every setting that is out of its range, all at once.
func (c Config) Validate() error {
	var err error
	switch c.Kind {
	case "", KindConsul:
		err = c.Consul.Validate()
	case KindDNS:
		err = c.DNS.Validate()
	case KindStatic:
		err = c.Static.Validate()
	default:
		err = fmt.Errorf("discovery %q: want %s, %s or %s", c.Kind, KindConsul, KindDNS, KindStatic)
	}
	return errors.Join(err, c.Balance.Validate())
}

// Open returns a resolver of the configured kind. It asks nobody yet: what it
// needs may come later. Close it at the end. An error is a wrong setting.
//
// Announcing an instance is another matter, see Registry: in DNS and in a fixed
// table the platform does it.
func Open(cfg Config, log *zap.Logger) (*Watched, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	balance := WithBalance(cfg.Balance)
	switch cfg.Kind {
	case KindDNS:
		return NewDNS(cfg.DNS, log, balance)
	case KindStatic:
		return NewFixed(cfg.Static, log, balance)
	default:
		consul, err := NewConsul(cfg.Consul, log)
		if err != nil {
			return nil, err
		}
		watched := NewWatched(consul, log, balance)
		watched.closing = consul.Close
		return watched, nil
	}
}
