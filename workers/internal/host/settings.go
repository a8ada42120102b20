package host

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/workers/internal/deployment"
	"orderflow/workflows/contract"
)

// Settings are those of one worker process.
type Settings struct {
	Temporal config.Temporal `embed:"" prefix:"temporal-"`
	Payloads config.Payloads `embed:"" prefix:"payload-"`

	Deployment string `placeholder:"NAME" help:"Worker deployment that this process is a version of, such as orderflow; without it, workers have no versions."`
	BuildID    string `name:"build-id" placeholder:"VERSION" help:"Which version of the deployment this process is; by default the one that the program was built as."`

	Queues []string `default:"orders,inventory,payment,shipping,notification" help:"Task queues to poll, separated by commas; all by default."`

	Orders       QueueSettings `embed:"" prefix:"orders-"`
	Inventory    QueueSettings `embed:"" prefix:"inventory-"`
	Payment      QueueSettings `embed:"" prefix:"payment-"`
	Shipping     QueueSettings `embed:"" prefix:"shipping-"`
	Notification QueueSettings `embed:"" prefix:"notification-"`

	Calls  Targets        `embed:""`
	Lookup chassis.Lookup `embed:"" prefix:"lookup-"`

	Service chassis.Identity `embed:"" prefix:"service-"`

	FastSlots int `default:"0" help:"Workflow tasks, each with its fast step, at once in this process; 0 is twice the calls that all services together are sent at once."`

	Slots        string  `default:"fixed" enum:"fixed,resources" help:"Whether the number of workflow tasks at once is fixed, or follows what CPU and memory of the machine have left: ${enum}."`
	TargetCPU    float64 `name:"target-cpu" default:"0.9" min:"0.1" max:"1" help:"Share of the CPU to aim at, with --slots=resources."`
	TargetMemory float64 `default:"0.8" min:"0.1" max:"1" help:"Share of the memory to aim at, with --slots=resources."`

	Pollers         string        `default:"fixed" enum:"fixed,autoscaling" help:"Whether the number of pollers stays as it is, or follows the load: ${enum}."`
	WorkflowPollers int           `default:"8" help:"Pollers for workflow tasks."`
	ActivityPollers int           `default:"8" help:"Pollers for activity tasks, for each queue."`
	StickyCache     int           `default:"2000" help:"Workflows kept in memory between their tasks; 0 replays each from its history."`
	DrainWorkers    time.Duration `default:"3s" min:"2s" max:"5m" help:"How long tasks in flight may take at the end, of each kind: workflow tasks, their local activities, activities."`

	ReconcileEvery time.Duration `default:"5m" help:"How often to look for orders that no workflow takes to their end, and to undo them; 0 is never. Set the same for every worker."`
	ReconcileGrace time.Duration `default:"2m" min:"100ms" max:"24h" help:"How old an order, or what a service has for it, is before Reconcile takes it for lost. Set the same for every worker."`
}

// BuiltAs completes the settings with the version that the linker gave to the
// program, which is the build ID unless another one is set. It refuses a
// program that does not say which build it is, as a part of a deployment.
func (s *Settings) BuiltAs(programVersion string) error {
	if s.Deployment == "" {
		return nil
	}
	s.BuildID = cmp.Or(s.BuildID, programVersion)
	return s.version().Validate()
}

// version is the zero value without a deployment.
func (s Settings) version() deployment.Version {
	return deployment.Version{Deployment: s.Deployment, BuildID: s.BuildID}
}

// Validate refuses an unknown queue, numbers out of range and a build ID of no
// deployment. Whether there is a build ID is decided by BuiltAs.
func (s Settings) Validate() error {
	if s.Deployment == "" && s.BuildID != "" {
		return config.Wrong("build-id", "is set without --deployment (ORDERFLOW_DEPLOYMENT)")
	}
	if len(s.Queues) == 0 {
		return config.Wrong("queues", "want at least one of %s", strings.Join(contract.Queues(), ", "))
	}
	for _, queue := range s.Queues {
		if !slices.Contains(contract.Queues(), queue) {
			return config.Wrong("queues", "%q is not one of %s", queue, strings.Join(contract.Queues(), ", "))
		}
	}
	for _, queue := range contract.Queues() {
		if err := s.validateQueue(queue); err != nil {
			return err
		}
	}
	if s.FastSlots != 0 && (s.FastSlots < 2 || s.FastSlots > 10_000) { // the SDK needs two
		return config.Wrong("fast-slots", "%d is neither 0 nor from 2 to 10000", s.FastSlots)
	}
	// Temporal's SDK needs two pollers, one for the sticky queue.
	if s.WorkflowPollers < 2 || s.WorkflowPollers > 1000 {
		return config.Wrong("workflow-pollers", "%d is not from 2 to 1000", s.WorkflowPollers)
	}
	if s.ActivityPollers < 1 || s.ActivityPollers > 1000 {
		return config.Wrong("activity-pollers", "%d is not from 1 to 1000", s.ActivityPollers)
	}
	if s.ReconcileEvery != 0 && s.ReconcileEvery < time.Second {
		return config.Wrong("reconcile-every", "%v is neither 0 nor at least 1s", s.ReconcileEvery)
	}
	if s.StickyCache < 0 || s.StickyCache > 1_000_000 {
		return config.Wrong("sticky-cache", "%d is not from 0 to 1000000", s.StickyCache)
	}
	return nil
}
