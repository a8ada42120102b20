package config

import (
	"time"

	"orderflow/internal/telemetry"
)

// The groups below are settings that several processes share. Embed one with a
// prefix, which becomes part of the flag and of the environment variable:
//
//	Consul config.Consul `embed:"" prefix:"consul-"` // --consul-addr, ORDERFLOW_CONSUL_ADDR

// Consul says where the Consul agent is, and how to speak to it. Embed it with
// the prefix "consul-".
type Consul struct {
	Addr  string `default:"127.0.0.1:8500" type:"address" placeholder:"HOST:PORT" help:"Address of the Consul agent."`
	Token string `help:"Access token for Consul, if it wants one."`

	TLS        bool   `name:"tls" help:"Speak TLS to the Consul agent."`
	CA         string `name:"ca" type:"path" placeholder:"FILE" help:"Authorities that may have signed the agent's certificate; by default the system's."`
	Cert       string `type:"path" placeholder:"FILE" help:"Certificate that this process shows to the agent."`
	Key        string `type:"path" placeholder:"FILE" help:"Key of that certificate."`
	ServerName string `placeholder:"NAME" help:"Name in the agent's certificate; by default the host of its address."`
}

// Validate refuses settings of TLS that say too little.
func (c Consul) Validate() error {
	if (c.Cert == "") != (c.Key == "") {
		return Wrong("consul-cert", "goes together with --consul-key (ORDERFLOW_CONSUL_KEY)")
	}
	if !c.TLS && c.CA+c.Cert+c.ServerName != "" {
		return Wrong("consul-tls", "is off, but there are settings for it")
	}
	return nil
}

// Temporal says where the Temporal server is, and how to speak to it. Embed it
// with the prefix "temporal-".
type Temporal struct {
	Addr      string `default:"127.0.0.1:7233" type:"address" placeholder:"HOST:PORT" help:"Address of the Temporal server."`
	Namespace string `default:"default" help:"Temporal namespace."`

	TLS        bool   `name:"tls" help:"Speak TLS to the Temporal server."`
	CA         string `name:"ca" type:"path" placeholder:"FILE" help:"Authorities that may have signed the server's certificate; by default the system's."`
	Cert       string `type:"path" placeholder:"FILE" help:"Certificate that this process shows to the server; read again for each connection."`
	Key        string `type:"path" placeholder:"FILE" help:"Key of that certificate."`
	ServerName string `placeholder:"NAME" help:"Name in the server's certificate; by default the host of its address."`
	APIKey     string `name:"api-key" placeholder:"KEY" help:"API key for the server, as Temporal Cloud wants it; of use with TLS only."`

	// DialTimeout bounds the first connection.
	DialTimeout time.Duration `default:"10s" min:"100ms" help:"How long to wait for the Temporal server at start."`
}

// Validate refuses settings of TLS that say too little.
func (t Temporal) Validate() error {
	switch {
	case (t.Cert == "") != (t.Key == ""):
		return Wrong("temporal-cert", "goes together with --temporal-key (ORDERFLOW_TEMPORAL_KEY)")
	case !t.TLS && t.APIKey != "":
		return Wrong("temporal-tls", "is off: the API key would travel in the clear")
	case !t.TLS && t.CA+t.Cert+t.ServerName != "":
		return Wrong("temporal-tls", "is off, but there are settings for it")
	}
	return nil
}

// Payloads says how that is stored which Temporal keeps of an order.
type Payloads struct {
	Keys string `type:"path" placeholder:"FILE" help:"Keyring that payloads in Temporal are encrypted with; starter payload-key makes one. Without it they are stored in the clear."`
}

// Listen says where a process takes requests.
type Listen struct {
	Addr string `default:"127.0.0.1:0" type:"listen" placeholder:"HOST:PORT" help:"Address to listen at; port 0 is any free port."`
}

// Telemetry says how much is logged and where traces go.
type Telemetry = telemetry.Config
