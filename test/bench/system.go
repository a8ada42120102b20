package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"

	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
	"orderflow/internal/token"
	"orderflow/test/bench/floor"
)

// system is the product on ports of its own, with a second gateway whose orders
// take the durable way, and the floor's worker beside the product's.
type system struct {
	*devstack.Stack
	temporal client.Client
	shop     shop
	durable  string // the second gateway's URL
}

// Ground is what a system stands on.
type Ground struct {
	// Root is the project's folder.
	Root string
	// Folder is for the system's data.
	Folder string
	// Programs is a folder with the product's programs; empty means that they
	// are built.
	Programs string
	// Environ are settings for the product, beside those that every benchmark
	// has.
	Environ []string
	// Out receives the progress.
	Out io.Writer
}

const (
	durableGateway = "gateway-durable"
	floorWorker    = "floor-worker"
	readyWithin    = time.Minute
)

// unlimited lifts the gateway's limits: what they refuse costs nothing, and is
// not what is measured.
var unlimited = []string{
	"ORDERFLOW_RATE_LIMIT=1000000", "ORDERFLOW_RATE_BURST=1000000", "ORDERFLOW_MAX_REQUESTS=10000",
}

// boot starts a system and stocks its shop. Close it.
func boot(ctx context.Context, ground Ground) (s *system, err error) {
	s = &system{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	worker := filepath.Join(ground.Folder, "floor-worker")
	if err := build(ctx, ground.Root, "./test/bench/floor/worker", worker); err != nil {
		return s, err
	}
	addrs, err := devstack.FreeAddrs(5)
	if err != nil {
		return s, err
	}
	environ := append(append(os.Environ(), unlimited...), ground.Environ...)
	s.Stack, err = devstack.Start(ctx, devstack.Config{
		GatewayAddr: addrs[0], TemporalAddr: addrs[1], TemporalUIAddr: addrs[2], ConsulAddr: addrs[3],
		DataDir: filepath.Join(ground.Folder, "data"), Root: ground.Root, Programs: ground.Programs,
		Environ: environ, Out: ground.Out, Console: supervisor.Error,
	})
	if err != nil {
		return s, err
	}
	s.durable = "http://" + addrs[4]
	if err := s.add(ctx, supervisor.Process{Name: floorWorker, Command: supervisor.Fixed(supervisor.Command{
		Path: worker, Args: []string{"-temporal-addr", s.TemporalAddr()}, Env: s.Environ(),
	})}); err != nil {
		return s, err
	}
	if err := s.add(ctx, supervisor.Process{
		Name: durableGateway,
		Command: supervisor.Fixed(supervisor.Command{
			Path: s.Program("gateway"),
			Env: append(s.Environ(), "ORDERFLOW_FAST_WAY=off",
				"ORDERFLOW_INSTANCE_ID="+durableGateway, "ORDERFLOW_GATEWAY_ADDR="+addrs[4]),
		}),
		Ready: func(ctx context.Context) error { return answers(ctx, s.durable+"/readyz") },
	}); err != nil {
		return s, err
	}
	if s.temporal, err = floor.Dial(ctx, s.TemporalAddr()); err != nil {
		return s, err
	}
	keys, _, err := token.OpenKeys(s.KeysDir())
	if err != nil {
		return s, err
	}
	s.shop, err = openShop(ctx, s.GatewayURL(), keys)
	return s, err
}

// add runs one more process until it is ready.
func (s *system) add(ctx context.Context, process supervisor.Process) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.Supervisor().Add(process); err != nil { //nolint:contextcheck // ctx bounds the start, not the life of the process
		return err
	}
	return s.Supervisor().WaitReady(ctx, process.Name)
}

func (s *system) close() error {
	if s.temporal != nil {
		s.temporal.Close()
	}
	if s.shop.http != nil {
		s.shop.http.CloseIdleConnections()
	}
	if s.Stack == nil {
		return nil
	}
	return s.Stop()
}

// build compiles one program of the project.
func build(ctx context.Context, root, pkg, output string) error {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", output, pkg)
	command.Dir = root
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w: %s", pkg, err, said)
	}
	return nil
}

func answers(ctx context.Context, url string) error {
	_, err := fetch(ctx, url)
	return err
}
