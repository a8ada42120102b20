package main

import (
	"crypto/tls"
	"time"

	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

// settings are everything that can be set. The services' targets have a group
// each, so that a slow one can be given less.
type settings struct {
	chassis.Config `embed:""`

	GatewayAddr string `default:"127.0.0.1:8080" type:"listen" placeholder:"HOST:PORT" help:"Address to listen at."`
	TLSCert     string `name:"tls-cert" type:"path" placeholder:"FILE" help:"Certificate chain (PEM); with --tls-key, HTTPS is served instead of HTTP."`
	TLSKey      string `name:"tls-key" type:"path" placeholder:"FILE" help:"Private key of the certificate (PEM)."`

	KeysDir     string `default:"./.orderflow/keys" type:"path" help:"Folder of the development signing key and of the key set (jwks.json) that tokens are verified with."`
	TokenIssuer string `default:"orderflow-development" help:"Issuer that tokens must come from."`

	RateLimit int `default:"100" min:"1" max:"1000000" help:"Requests a second that one principal may make for long."`
	RateBurst int `default:"200" min:"1" max:"1000000" help:"Requests that one principal may make at once."`

	Temporal config.Temporal `embed:"" prefix:"temporal-"`
	FastWay  string          `default:"on" enum:"on,off" help:"Whether new orders take the fast way through their steps: ${enum}."`

	PriceTTL    time.Duration `default:"2s" max:"1m" help:"How long prices and names are used without asking again."`
	PartTimeout time.Duration `default:"1s" min:"50ms" max:"10s" help:"How long one part of an order's view may take."`
	Streams     int           `default:"500" min:"1" max:"100000" help:"Clients that may wait for changes of orders at once."`

	Order     target `embed:"" prefix:"order-"`
	Catalog   target `embed:"" prefix:"catalog-"`
	Customer  target `embed:"" prefix:"customer-"`
	Inventory target `embed:"" prefix:"inventory-"`
	Payment   target `embed:"" prefix:"payment-"`
	Shipping  target `embed:"" prefix:"shipping-"`

	BreakerFailures  int           `default:"5" min:"1" max:"1000" help:"Consecutive failures that open the circuit breaker of a service."`
	BreakerSuccesses int           `default:"3" min:"1" max:"1000" help:"Consecutive successes that close it again."`
	BreakerOpenFor   time.Duration `default:"30s" min:"10ms" max:"1h" help:"How long it stays open before it tries again."`
}

// target bounds the calls to one service.
type target struct {
	Timeout       time.Duration `default:"2s" min:"10ms" max:"1m" help:"How long one call to the service may take."`
	MaxConcurrent int           `default:"0" min:"0" max:"100000" help:"Calls to the service at once; 0 is the service's default."`
	MaxQueue      int           `default:"0" min:"0" max:"100000" help:"Calls that wait for one of those; with max-concurrent only."`
}

// listenDefault is the default of the chassis's own address setting.
const listenDefault = "127.0.0.1:0"

// Validate checks what the tags cannot say, and reads nothing.
func (s *settings) Validate() error {
	switch {
	case s.Listen.Addr != listenDefault:
		return config.Wrong("listen-addr", "the gateway listens at --gateway-addr (ORDERFLOW_GATEWAY_ADDR)")
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return config.Wrong("tls-cert", "certificate and --tls-key are only of use together")
	}
	for name, target := range map[string]target{
		"order": s.Order, "catalog": s.Catalog, "customer": s.Customer,
		"inventory": s.Inventory, "payment": s.Payment, "shipping": s.Shipping,
	} {
		if target.MaxConcurrent == 0 && target.MaxQueue > 0 {
			return config.Wrong(name+"-max-queue", "is only of use with --%s-max-concurrent", name)
		}
	}
	return nil
}

func (s *settings) chassis() chassis.Config {
	cfg := s.Config
	cfg.Listen.Addr = s.GatewayAddr
	return cfg
}

func (s *settings) temporal() temporalclient.Config {
	return temporalclient.Config{Addr: s.Temporal.Addr, Namespace: s.Temporal.Namespace, DialTimeout: s.Temporal.DialTimeout}
}

func (s *settings) limits() ratelimit.Config {
	return ratelimit.Config{Rate: s.RateLimit, Burst: s.RateBurst}
}

func (s *settings) pricing() pricing.Config {
	return pricing.Config{TTL: s.PriceTTL, Timeout: max(s.Catalog.Timeout, s.Customer.Timeout)}
}

func (s *settings) placements() placement.Timeouts { return placement.Timeouts{Find: s.PartTimeout} }

// workflow are the settings that travel in the input of every placement.
func (s *settings) workflow() contract.Settings {
	return contract.Settings{FastWayOff: s.FastWay == "off"}
}

func (s *settings) rpc(t target) rpc.Config {
	return rpc.Config{
		Timeout:  t.Timeout,
		Breaker:  s.breaker(),
		Bulkhead: resilience.BulkheadConfig{MaxConcurrent: t.MaxConcurrent, MaxQueue: t.MaxQueue},
	}
}

func (s *settings) breaker() resilience.BreakerConfig {
	return resilience.BreakerConfig{
		FailureThreshold: s.BreakerFailures, SuccessThreshold: s.BreakerSuccesses, OpenFor: s.BreakerOpenFor,
	}
}

// tls reads certificate and key; nil without them.
func (s *settings) tls() (*tls.Config, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(s.TLSCert, s.TLSKey)
	if err != nil {
		return nil, config.Wrong("tls-cert", "certificate and key cannot be used: %v", err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		NextProtos:   []string{"h2", "http/1.1"},
	}, nil
}
