package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"orderflow/internal/supervisor"
)

const (
	temporalDatabase = "temporal.db"
	// temporalUnfinished stands in the data folder from before the first start
	// until that server was ready.
	temporalUnfinished = "temporal.db.unfinished"
	// frontendService is what Temporal's gRPC health check knows its front as.
	frontendService = "temporal.api.workflowservice.v1.WorkflowService"
	// codecPath is where the gateway decrypts payloads for the UI.
	codecPath = "/codec"
)

// temporalSettings are the dynamic settings of the development server. Each was
// measured on two cores; see docs/operations.md.
var temporalSettings = []string{
	// The default of 20 polls a second adds 50 ms to every task of an idle
	// server: 450 ms to an order that takes 30.
	"history.transferProcessorMaxPollRPS=500",
	// With four partitions and few pollers, a task may wait two seconds for a
	// poller of its partition.
	"matching.numTaskqueueReadPartitions=1",
	"matching.numTaskqueueWritePartitions=1",
	// By default an answer about a backlog may be five seconds old, and the
	// gateway goes by it when it refuses orders.
	`matching.TaskQueueInfoByBuildIdTTL="1s"`,
	// A workflow task may hand its activities to the worker that reports it.
	"system.enableActivityEagerExecution=true",
	// The default keeps 128,000 orders in memory for an hour. What is out of it is
	// read again; these are those of the last half a minute at full speed, for
	// which there are timers yet.
	"history.hostLevelCacheMaxSize=2000",
	// One machine needs no protection from its own clients.
	"frontend.rps=100000",
	"frontend.namespaceRPS=100000",
	"frontend.namespaceRPS.visibility=10000",
	"frontend.persistenceMaxQPS=100000",
	"history.rps=100000",
	"history.persistenceMaxQPS=100000",
	"matching.rps=100000",
	"matching.persistenceMaxQPS=100000",
	"system.visibilityPersistenceMaxReadQPS=100000",
	"system.visibilityPersistenceMaxWriteQPS=100000",
}

// temporalSearchAttributes are what orders can be searched by in the UI.
var temporalSearchAttributes = []string{
	"OrderState=Keyword", "CustomerId=Keyword", "FailedStep=Keyword", "NeedsAttention=Bool",
}

func (s *Stack) temporalProcess(program string) (supervisor.Process, error) {
	args, err := temporalArgs(s.cfg)
	if err != nil {
		return supervisor.Process{}, err
	}
	command := supervisor.Command{
		Path: program,
		Args: args,
		// The server keeps much that lives long: collecting less often is
		// worth its memory.
		Env: s.cfg.forTool().with("GOGC", "400"),
		Dir: s.cfg.DataDir,
	}
	return supervisor.Process{
		Name: temporalProcess,
		Command: func() (supervisor.Command, error) {
			return command, s.prepareTemporalDatabase()
		},
		Ready: func(ctx context.Context) error {
			if err := s.temporalAnswers(ctx); err != nil {
				return err
			}
			return removeIfThere(s.cfg.dataPath(temporalUnfinished))
		},
		Grace:      4 * time.Second,
		OnlyErrors: true,
	}, nil
}

// temporalArgs starts the server in the data folder, so that no character of
// its path can be taken for a part of a database address.
func temporalArgs(cfg Config) ([]string, error) {
	host, port, err := net.SplitHostPort(cfg.TemporalAddr)
	if err != nil {
		return nil, fmt.Errorf("setting --temporal-addr: %w", err)
	}
	uiHost, uiPort, err := net.SplitHostPort(cfg.TemporalUIAddr)
	if err != nil {
		return nil, fmt.Errorf("setting --temporal-ui-addr: %w", err)
	}
	args := []string{
		"server", "start-dev",
		"--disable-config-env", "--disable-config-file",
		"--ip", listenHost(host), "--port", port,
		"--ui-ip", listenHost(uiHost), "--ui-port", uiPort,
		"--db-filename", temporalDatabase,
		"--sqlite-pragma", "journal_mode=WAL",
		"--sqlite-pragma", "synchronous=NORMAL",
		"--log-level", "warn", "--color", "never",
	}
	if cfg.TemporalNamespace != "default" {
		args = append(args, "--namespace", cfg.TemporalNamespace)
	}
	if cfg.PayloadKeys != "" {
		args = append(args, "--ui-codec-endpoint", "http://"+dialable(cfg.GatewayAddr)+codecPath)
	}
	for _, setting := range temporalSettings {
		args = append(args, "--dynamic-config-value", setting)
	}
	for _, attribute := range temporalSearchAttributes {
		args = append(args, "--search-attribute", attribute)
	}
	return args, nil
}

// prepareTemporalDatabase removes what a first start has left that was broken
// off. The server makes its tables only in a file that it has made itself, so a
// half-made one would never work; and it can hold no order, since no gateway
// has run beside it.
func (s *Stack) prepareTemporalDatabase() error {
	database, unfinished := s.cfg.dataPath(temporalDatabase), s.cfg.dataPath(temporalUnfinished)
	if exists(unfinished) {
		for _, file := range []string{database, database + "-wal", database + "-shm", database + "-journal"} {
			if err := removeIfThere(file); err != nil {
				return fmt.Errorf("removing an unfinished Temporal database: %w", err)
			}
		}
		return nil
	}
	if exists(database) {
		return nil
	}
	return os.WriteFile(unfinished, nil, 0o644)
}

// temporalAnswers asks the server for its health and its namespace, over a
// connection of its own: a kept one would wait longer and longer between its
// attempts while the server restarts.
func (s *Stack) temporalAnswers(ctx context.Context) (err error) {
	connection, err := grpc.NewClient("passthrough:///"+dialable(s.cfg.TemporalAddr),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("asking Temporal: %w", err)
	}
	defer func() { err = errors.Join(err, connection.Close()) }()

	health, err := grpc_health_v1.NewHealthClient(connection).
		Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: frontendService})
	if err != nil {
		return fmt.Errorf("asking Temporal for its health: %w", err)
	}
	if health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the health of Temporal is %v", health.GetStatus())
	}
	_, err = workflowservice.NewWorkflowServiceClient(connection).
		DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: s.cfg.TemporalNamespace})
	if err != nil {
		return fmt.Errorf("asking Temporal for namespace %s: %w", s.cfg.TemporalNamespace, err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
