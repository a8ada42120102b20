package main

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderflow/internal/temporalclient"
)

// needed are the services without which no order can be taken.
var needed = []string{orderService, catalogService, customerService}

// checks say what must answer before the gateway is ready for orders.
func checks(cfg *settings, entry admission, conns connections) map[string]func(context.Context) error {
	all := map[string]func(context.Context) error{
		"temporal": func(ctx context.Context) error {
			return temporalclient.Check(ctx, conns.temporal, cfg.Temporal.Namespace)
		},
	}
	if entry.verifier.remote {
		all["issuer"] = entry.verifier.keys.Check
	}
	for _, service := range needed {
		all[service] = func(ctx context.Context) error {
			_, err := conns.resolver.Next(ctx, service)
			return err
		}
	}
	return all
}

// warnWithoutTemporal says once what is wrong when Temporal does not answer at
// the start. The gateway goes on: reads need no Temporal, and it may come.
func warnWithoutTemporal(ctx context.Context, cfg *settings, temporal client.Client, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Temporal.DialTimeout)
	defer cancel()
	if err := temporalclient.Check(ctx, temporal, cfg.Temporal.Namespace); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		log.Warn("no orders can be placed: the Temporal server does not answer",
			zap.String("temporalAddr", cfg.Temporal.Addr), zap.Error(err))
	}
}
