package main

import (
	"crypto/tls"
	"net/url"
	"slices"
	"strings"
	"time"

	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/payloadcodec"
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
	Payloads config.Payloads `embed:"" prefix:"payload-"`

	TemporalUIURL string `name:"temporal-ui-url" placeholder:"URL" help:"Where operators reach the Temporal UI, such as http://127.0.0.1:8233: lists for them link to it."`

	FastWay      string        `default:"on" enum:"on,off" help:"Whether new orders take the fast way through their steps: ${enum}."`
	DurableSteps []string      `placeholder:"STEP,..." help:"Steps that new orders never take the fast way through, such as ChargePayment."`
	StepTimeout  time.Duration `default:"10m" min:"1s" max:"24h" help:"How long a new order tries one step before it is undone."`
	SagaDeadline time.Duration `default:"24h" min:"1s" max:"720h" help:"How long a new order may take until the carrier has accepted it, once one of its steps had to be repeated."`
	FixWindow    time.Duration `default:"0" max:"720h" help:"How long a refused payment method or address may be replaced before the order is undone; 0 undoes it at once."`

	CodecOrigins []string `default:"http://127.0.0.1:8233,http://localhost:8233" placeholder:"ORIGIN" help:"Web origins of the Temporal UI, separated by commas: their pages may have payloads decrypted. Of use only with --payload-keys."`

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
	for _, origin := range s.CodecOrigins {
		if !isOrigin(origin) {
			return config.Wrong("codec-origins", "%q is no origin such as https://temporal.shop.test", origin)
		}
	}
	for name, target := range map[string]target{
		"order": s.Order, "catalog": s.Catalog, "customer": s.Customer,
		"inventory": s.Inventory, "payment": s.Payment, "shipping": s.Shipping,
	} {
		if target.MaxConcurrent == 0 && target.MaxQueue > 0 {
			return config.Wrong(name+"-max-queue", "is only of use with --%s-max-concurrent", name)
		}
	}
	for _, step := range s.DurableSteps {
		if !slices.Contains(contract.Steps(), step) {
			return config.Wrong("durable-steps", "%q is none of %s", step, strings.Join(contract.Steps(), ", "))
		}
	}
	if address, err := url.Parse(s.TemporalUIURL); s.TemporalUIURL != "" &&
		(err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https") {
		return config.Wrong("temporal-ui-url", "%q is no address of a web page", s.TemporalUIURL)
	}
	return nil
}

// isOrigin reports whether text is as a browser writes an origin: scheme, host
// and, if it is not the scheme's own, port.
func isOrigin(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != "" &&
		text == parsed.Scheme+"://"+strings.ToLower(parsed.Host)
}

func (s *settings) chassis() chassis.Config {
	cfg := s.Config
	cfg.Listen.Addr = s.GatewayAddr
	return cfg
}

func (s *settings) temporal(codec payloadcodec.Codec) temporalclient.Config {
	return temporalclient.Config{
		Addr: s.Temporal.Addr, Namespace: s.Temporal.Namespace, DialTimeout: s.Temporal.DialTimeout, Codec: codec,
	}
}

// codec reads the keyring; without one it is switched off.
func (s *settings) codec() (payloadcodec.Codec, error) {
	codec, err := payloadcodec.Open(s.Payloads.Keys)
	if err != nil {
		return codec, config.Wrong("payload-keys", "%v", err)
	}
	return codec, nil
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
	return contract.Settings{
		FastWayOff:   s.FastWay == "off",
		DurableSteps: s.DurableSteps,
		StepTimeout:  s.StepTimeout,
		Deadline:     s.SagaDeadline,
		FixWindow:    s.FixWindow,
	}
}

// workflowLink leads to an order's workflow in the Temporal UI; nil without
// one.
func (s *settings) workflowLink() func(orderID string) string {
	if s.TemporalUIURL == "" {
		return nil
	}
	workflows := strings.TrimSuffix(s.TemporalUIURL, "/") + "/namespaces/" + url.PathEscape(s.Temporal.Namespace) + "/workflows/"
	return func(orderID string) string { return workflows + url.PathEscape(orderID) }
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
