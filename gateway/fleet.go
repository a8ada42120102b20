package main

import (
	"fmt"

	"go.uber.org/zap"

	"orderflow/gateway/internal/fleet"
	"orderflow/internal/chassis"
	"orderflow/internal/discovery"
	"orderflow/internal/lifecycle"
	"orderflow/internal/rpc"
)

// openFleet prepares what asks the other processes. Where instances are not
// found in Consul, this process knows of no others.
func openFleet(cfg *settings, guards *rpc.Guards, opened *lifecycle.Stack, log *zap.Logger) (*fleet.Fleet, error) {
	var registry fleet.Registry
	if cfg.Lookup.InConsul() {
		consul, err := discovery.NewConsul(chassis.Agent(cfg.Consul), log)
		if err != nil {
			return nil, fmt.Errorf("preparing the list of processes: %w", err)
		}
		opened.PushFunc("list of processes", func() error { consul.Close(); return nil })
		registry = consul
	}
	self := fleet.Process{Service: gatewayService, Instance: cfg.InstanceID}
	processes := fleet.New(self, guards.Snapshot, registry, fleet.DefaultTimeout)
	opened.PushFunc("fleet", processes.Close)
	return processes, nil
}
