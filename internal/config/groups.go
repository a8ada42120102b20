package config

import (
	"time"

	"orderflow/internal/telemetry"
)

// The groups below are settings that several processes share. Embed one with a
// prefix, which becomes part of the flag and of the environment variable:
//
//	Consul config.Consul `embed:"" prefix:"consul-"` // --consul-addr, ORDERFLOW_CONSUL_ADDR

// Consul says where the Consul agent is.
type Consul struct {
	Addr  string `default:"127.0.0.1:8500" type:"address" placeholder:"HOST:PORT" help:"Address of the Consul agent."`
	Token string `help:"Access token for Consul, if it wants one."`
}

// Temporal says where the Temporal server is.
type Temporal struct {
	Addr      string `default:"127.0.0.1:7233" type:"address" placeholder:"HOST:PORT" help:"Address of the Temporal server."`
	Namespace string `default:"default" help:"Temporal namespace."`
	// DialTimeout bounds the first connection.
	DialTimeout time.Duration `default:"10s" min:"100ms" help:"How long to wait for the Temporal server at start."`
}

// Payloads says how that is stored which Temporal keeps of an order.
type Payloads struct {
	Keys string `type:"path" placeholder:"FILE" help:"Keyring that payloads in Temporal are encrypted with; starter payload-key makes one. Without it they are stored in the clear."`
}

// Listen says where a process takes requests.
type Listen struct {
	Addr string `default:"127.0.0.1:0" type:"listen" placeholder:"HOST:PORT" help:"Address to listen at; port 0 is any free port."`
}

// Store says where a service keeps its data.
type Store struct {
	DSN string `name:"dsn" required:"" help:"Where the data is: sqlite:PATH or postgres://USER@HOST/DATABASE."`
}

// Telemetry says how much is logged and where traces go.
type Telemetry = telemetry.Config
