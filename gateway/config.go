package main

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/internal/clientaddress"
	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/payloadcodec"
	"orderflow/workflows/contract"
)

// settings are everything that can be set. The services' targets have a group
// each, so that a slow one can be given less.
type settings struct {
	chassis.Config `embed:""`

	GatewayAddr string `default:"127.0.0.1:8080" type:"listen" placeholder:"HOST:PORT" help:"Address to listen at."`

	TLS tlsSettings `embed:"" prefix:"tls-"`

	CrossOrigins []string `placeholder:"ORIGIN,..." help:"Web origins, such as https://shop.example, whose pages may use the API from a browser; none by default."`

	credentialSettings `embed:""`

	RateLimit int `default:"100" min:"1" max:"1000000" help:"Requests a second that one principal may make for long."`
	RateBurst int `default:"200" min:"1" max:"1000000" help:"Requests that one principal may make at once."`

	WriteRateLimit int `default:"0" min:"0" max:"1000000" help:"Of these, how many may change something, as orders and cancellations do; 0 is all of them."`
	WriteRateBurst int `default:"0" min:"0" max:"1000000" help:"Of those, how many may come at once; of use with write-rate-limit only."`

	LimitsDSN string `name:"limits-dsn" placeholder:"DSN" help:"Database in which all gateways count requests together: postgres://USER@HOST/DATABASE. Without it, each counts alone."`

	TrustedProxies []string              `placeholder:"NETWORK,..." help:"Networks of the proxies in front of the gateway, such as 10.0.0.0/8: what they say of a client's address is believed; nobody's by default."`
	ProxyHeader    string                `default:"X-Forwarded-For" enum:"X-Forwarded-For,Forwarded" help:"Header field in which these proxies say it: ${enum}."`
	proxies        clientaddress.Proxies // read by Validate

	MaxRequests int           `default:"1000" min:"1" max:"1000000" help:"Requests that are served at once, without streams and batches; more are answered 503."`
	MaxBacklog  int           `default:"5000" min:"0" max:"10000000" help:"Accepted orders that may wait for a worker to begin them, over all gateways; while so many wait, new ones are answered 503. 0 is no limit."`
	BatchLines  int           `default:"1000" min:"1" max:"1000000" help:"Lines that a batch of orders may have."`
	BatchTime   time.Duration `default:"5m" min:"1s" max:"24h" help:"How long a batch of orders may be read."`
	Batches     int           `default:"20" min:"1" max:"10000" help:"Batches of orders that are taken at once."`
	BatchesEach int           `default:"5" min:"1" max:"10000" help:"Of these, how many of one principal; half of them at most."`
	WaitsEach   int           `default:"200" min:"1" max:"1000000" help:"Placements whose end one principal may wait for at once, half of --max-requests at most; more are answered 202 without a wait."`

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
	StreamsEach int           `default:"100" min:"1" max:"100000" help:"Of these, how many of one principal; half of them at most."`

	Order     chassis.Target `embed:"" prefix:"order-"`
	Catalog   chassis.Target `embed:"" prefix:"catalog-"`
	Customer  chassis.Target `embed:"" prefix:"customer-"`
	Inventory chassis.Target `embed:"" prefix:"inventory-"`
	Payment   chassis.Target `embed:"" prefix:"payment-"`
	Shipping  chassis.Target `embed:"" prefix:"shipping-"`

	Lookup  chassis.Lookup   `embed:"" prefix:"lookup-"`
	Service chassis.Identity `embed:"" prefix:"service-"`

	PublicInsight bool `help:"Show metrics and the reasons of readiness at the public address in production mode, too; otherwise it shows them at --internal-addr only."`

	InternalAddr string `default:"127.0.0.1:0" type:"listen" placeholder:"HOST:PORT" help:"Address to listen at for our own processes: other gateways, and whoever collects metrics or asks why it is not ready."`
}

// listenDefault is the default of the chassis's own address setting.
const listenDefault = "127.0.0.1:0"

// Validate checks what the tags cannot say, and opens nothing.
func (s *settings) Validate() error {
	if s.Listen.Addr != listenDefault {
		return config.Wrong("listen-addr", "the gateway listens at --gateway-addr (ORDERFLOW_GATEWAY_ADDR)")
	}
	if err := s.checkCredentials(); err != nil {
		return err
	}
	if s.Mode.Strict() {
		if err := s.checkProduction(); err != nil {
			return err
		}
	}
	if err := checkOrigins("codec-origins", s.CodecOrigins); err != nil {
		return err
	}
	if err := checkOrigins("cross-origins", s.CrossOrigins); err != nil {
		return err
	}
	if (s.WriteRateLimit == 0) != (s.WriteRateBurst == 0) {
		return config.Wrong("write-rate-burst", "is only of use together with --write-rate-limit")
	}
	var err error
	if s.proxies, err = clientaddress.ParseProxies(s.TrustedProxies, clientaddress.Header(s.ProxyHeader)); err != nil {
		return config.Wrong("trusted-proxies", "%v", err)
	}
	if s.LimitsDSN != "" {
		if err := ratelimit.CheckDSN(s.LimitsDSN); err != nil {
			return config.Wrong("limits-dsn", "%v", err)
		}
	}
	for service, target := range map[string]chassis.Target{
		orderService: s.Order, catalogService: s.Catalog, customerService: s.Customer,
		inventoryService: s.Inventory, paymentService: s.Payment, shippingService: s.Shipping,
	} {
		if err := target.Check(service+"-", callTimeout); err != nil {
			return err
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

// hideInsight reports whether metrics and the reasons of readiness are kept from
// the public address. Who may see them is a matter of the address alone: a peer
// or a header field may be a proxy's, which speaks for strangers.
func (s *settings) hideInsight() bool { return s.Mode.Strict() && !s.PublicInsight }

func (s *settings) chassis() chassis.Config {
	cfg := s.Config
	cfg.Listen.Addr = s.GatewayAddr
	return cfg
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
	return ratelimit.Config{
		Proxies: s.proxies,
		Rate:    s.RateLimit, Burst: s.RateBurst,
		Writes: ratelimit.Budget{Rate: s.WriteRateLimit, Burst: s.WriteRateBurst},
	}
}

func (s *settings) batch() api.BatchLimits {
	return api.BatchLimits{Lines: s.BatchLines, Time: s.BatchTime}
}

func (s *settings) pricing() pricing.Config {
	return pricing.Config{TTL: s.PriceTTL, Timeout: max(s.Catalog.RPC(callTimeout).Timeout, s.Customer.RPC(callTimeout).Timeout)}
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
