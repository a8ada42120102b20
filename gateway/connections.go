package main

import (
	"fmt"

	"go.temporal.io/sdk/client"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/discovery"
	"orderflow/internal/lifecycle"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
)

// connections are what the gateway reaches others over: Temporal, with the
// codec of what it stores, and the instances of our services, with what guards
// the calls to them.
type connections struct {
	temporal client.Client
	codec    payloadcodec.Codec
	resolver discovery.Resolver
	guards   *rpc.Guards
	calls    rpc.Authorizer // nil where calls are not signed
}

// openConnections asks nobody yet: an error is a wrong setting.
func openConnections(cfg *settings, t *telemetry.Telemetry, opened *lifecycle.Stack) (connections, error) {
	calls, err := cfg.Service.Authorizer(gatewayService, cfg.Mode, auth.Operator)
	if err != nil {
		return connections{}, err
	}
	codec, err := cfg.codec()
	if err != nil {
		return connections{}, err
	}
	server, err := temporalclient.Configured(cfg.Temporal, codec)
	if err != nil {
		return connections{}, err
	}
	temporal, err := temporalclient.DialLazy(server, t)
	if err != nil {
		return connections{}, err
	}
	opened.PushFunc("Temporal client", func() error { temporal.Close(); return nil })

	resolver, err := discovery.Open(cfg.Lookup.Discovery(cfg.Consul), t.Log)
	if err != nil {
		return connections{}, fmt.Errorf("preparing discovery: %w", err)
	}
	opened.PushFunc("discovery", resolver.Close)
	return connections{temporal: temporal, codec: codec, resolver: resolver, guards: new(rpc.Guards), calls: calls}, nil
}
