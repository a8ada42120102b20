package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"orderflow/internal/supervisor"
)

// addProcesses tells the supervisor what to run, in order of need: servers,
// services, workers, gateway.
func (s *Stack) addProcesses(temporal, consul string) error {
	var all []supervisor.Process
	if !s.cfg.ConsulExternal {
		all = append(all, s.consulProcess(consul))
	}
	if !s.cfg.TemporalExternal {
		process, err := s.temporalProcess(temporal)
		if err != nil {
			return err
		}
		all = append(all, process)
	}
	s.servers = names(all)
	for number := 1; number <= s.cfg.Instances; number++ {
		for _, name := range Services() {
			all = append(all, s.serviceProcess(name, number))
		}
	}
	for number := 1; number <= s.cfg.Workers; number++ {
		all = append(all, s.workerProcess(number))
	}
	for number := 1; number <= s.cfg.Instances; number++ {
		all = append(all, s.gatewayProcess(number))
	}
	for _, process := range all {
		if err := s.supervisor.Add(process); err != nil {
			return err
		}
	}
	return nil
}

func names(processes []supervisor.Process) []string {
	var all []string
	for _, process := range processes {
		all = append(all, process.Name)
	}
	return all
}

// serviceProcess is one instance of a service. A further one needs the first,
// which prepares the database that they share.
func (s *Stack) serviceProcess(name string, number int) supervisor.Process {
	needs := s.servers
	if number > 1 {
		needs = append(slices.Clone(needs), name)
	}
	return supervisor.Process{
		Name:         processName(name, number),
		Command:      s.program(name, s.cfg.forService(name, number)),
		HopelessExit: exitUsage,
		Ready:        s.instanceReady(name, instanceID(name, number)),
		Needs:        needs,
	}
}

func (s *Stack) workerProcess(number int) supervisor.Process {
	id := instanceID(workersService, number)
	return supervisor.Process{
		Name:         id,
		Command:      s.program(workersService, s.cfg.forWorker(number)),
		HopelessExit: exitUsage,
		Ready:        s.instanceReady(workersService, id),
		Needs:        slices.Concat(s.servers, Services()),
	}
}

// gatewayProcess needs the first worker only: the others come and go. A further
// gateway needs the first, which makes the key that tokens are signed with.
func (s *Stack) gatewayProcess(number int) supervisor.Process {
	ready := s.gatewayReady
	needs := slices.Concat(s.servers, Services(), []string{instanceID(workersService, 1)})
	if number > 1 {
		ready = s.instanceReady(gatewayService, instanceID(gatewayService, number))
		needs = append(needs, gatewayService)
	}
	return supervisor.Process{
		Name:         processName(gatewayService, number),
		Command:      s.program(gatewayService, s.cfg.forGateway(number)),
		HopelessExit: exitUsage,
		Ready:        ready,
		Needs:        needs,
	}
}

// exitUsage is how our programs refuse a setting; see internal/config.
const exitUsage = 2

func (s *Stack) program(name string, env environment) func() (supervisor.Command, error) {
	return supervisor.Fixed(supervisor.Command{Path: filepath.Join(s.programs, name), Env: env, Dir: s.cfg.Root})
}

var errNotRegistered = errors.New("not registered, or not passing, in Consul")

// instanceReady asks Consul for the instance and the instance for its
// readiness. Consul alone is not enough: after a crash it calls the old process
// passing until its time to live is over.
func (s *Stack) instanceReady(service, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		instances, err := s.registry.HealthyInstances(ctx, service)
		if err != nil {
			return err
		}
		for _, instance := range instances {
			if instance.ID == id {
				return s.readyz(ctx, instance.Addr())
			}
		}
		return errNotRegistered
	}
}

func (s *Stack) gatewayReady(ctx context.Context) error {
	return s.readyz(ctx, dialable(s.cfg.GatewayAddr))
}

func (s *Stack) readyz(ctx context.Context, addr string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("asking for readiness: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", request.URL, response.Status)
	}
	return nil
}

// healthyPoll is how often WaitHealthy looks.
const healthyPoll = 50 * time.Millisecond

// WaitHealthy waits until everything answers at the same time: the servers,
// every instance through Consul, the gateway. It is for tests that have killed
// something; when the context ends, the error names what does not answer.
func (s *Stack) WaitHealthy(ctx context.Context) error {
	for {
		err := s.checkHealthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(healthyPoll):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func (s *Stack) checkHealthy(ctx context.Context) error {
	checks := map[string]func(context.Context) error{
		consulProcess:   s.consulAnswers,
		temporalProcess: s.temporalAnswers,
		gatewayService:  s.gatewayReady,
	}
	for _, service := range append(Services(), gatewayService) {
		for number := 1; number <= s.cfg.Instances; number++ {
			id := instanceID(service, number)
			checks[id] = s.instanceReady(service, id)
		}
	}
	for number := range s.Workers() {
		id := instanceID(workersService, number+1)
		checks[id] = s.instanceReady(workersService, id)
	}
	var errs []error
	for name, check := range checks {
		if err := check(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
