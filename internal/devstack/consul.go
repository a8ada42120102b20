package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"orderflow/internal/supervisor"
)

func (s *Stack) consulProcess(program string) supervisor.Process {
	return supervisor.Process{
		Name: consulProcess,
		Command: func() (supervisor.Command, error) {
			args, err := consulArgs(s.cfg)
			return supervisor.Command{Path: program, Args: args, Env: s.cfg.forTool()}, err
		},
		Ready:      s.consulAnswers,
		Grace:      2 * time.Second,
		OnlyErrors: true,
	}
}

// consulArgs starts a development agent, which keeps everything in memory. Only
// its HTTP address is fixed. The two ports that it needs beside it are chosen
// anew at every start, and all others are off, so that systems run side by side.
func consulArgs(cfg Config) ([]string, error) {
	host, port, err := net.SplitHostPort(cfg.ConsulAddr)
	if err != nil {
		return nil, fmt.Errorf("setting --consul-addr: %w", err)
	}
	inner, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	return []string{
		"agent", "-dev",
		"-node", "orderflow", "-disable-host-node-id",
		"-bind", "127.0.0.1", "-client", listenHost(host), "-http-port", port,
		"-server-port", strconv.Itoa(inner[0]), "-serf-lan-port", strconv.Itoa(inner[1]),
		"-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-https-port", "-1",
		"-log-level", "warn",
		"-hcl", "disable_update_check = true",
	}, nil
}

var errNodeUnknown = errors.New("the agent does not know its own node yet")

// consulAnswers asks the agent for its leader, and for itself: before it knows
// its own node, registrations do not appear.
func (s *Stack) consulAnswers(ctx context.Context) error {
	if err := s.registry.Ping(ctx); err != nil {
		return err
	}
	servers, err := s.registry.HealthyInstances(ctx, "consul")
	if err != nil {
		return err
	}
	if len(servers) == 0 {
		return errNodeUnknown
	}
	return nil
}
