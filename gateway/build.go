package main

import (
	"context"

	"orderflow/gateway/internal/api"
	"orderflow/internal/chassis"
	"orderflow/internal/lifecycle"
	"orderflow/internal/telemetry"
)

// build says what the gateway is made of: the door that requests come through,
// the connections behind it, the services and other processes that are asked
// over them, and the routes that work with all of these. Neither Temporal nor
// the services have to be there: readiness tells which are not.
func build(cfg *settings, t *telemetry.Telemetry) (parts chassis.Parts, err error) {
	var opened lifecycle.Stack
	parts.Close = func() error { return opened.Close(context.Background()) }

	served, err := openTLS(cfg, t.Log)
	if err != nil {
		return parts, err
	}
	conns, err := openConnections(cfg, t, &opened)
	if err != nil {
		return parts, err
	}
	entry, err := openAdmission(cfg, conns, t, &opened)
	if err != nil {
		return parts, err
	}
	processes, err := openFleet(cfg, conns.guards, &opened, t.Log)
	if err != nil {
		return parts, err
	}
	services := newServices(cfg, newDialer(conns, t, &opened))
	parts.Routes, err = newRoutes(cfg, entry, conns, services, processes, t.Log)
	if err != nil {
		return parts, err
	}
	parts.Handler, err = newHandler(cfg)
	if err != nil {
		return parts, err
	}

	parts.Public, parts.HideInsight = true, cfg.hideInsight()
	parts.BodyLimits = map[string]int64{api.BatchPath: cfg.batch().Bytes()}
	parts.Guards, parts.InternalAddr = conns.guards, cfg.InternalAddr
	parts.Checks = checks(cfg, entry, conns)
	parts.Background = append(entry.background(), func(ctx context.Context) error {
		warnWithoutTemporal(ctx, cfg, conns.temporal, t.Log)
		return nil
	})
	if served != nil {
		parts.TLS = served.Config()
		parts.Background = append(parts.Background, func(ctx context.Context) error { return served.Watch(ctx, cfg.TLS.Reload) })
	}
	return parts, nil
}
