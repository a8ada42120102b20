package host

import (
	"fmt"

	"go.temporal.io/sdk/worker"

	"orderflow/internal/config"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// targetOf is the service behind each queue.
var targetOf = map[string]string{
	contract.QueueOrders:       "order",
	contract.QueueInventory:    "inventory",
	contract.QueuePayment:      "payment",
	contract.QueueShipping:     "shipping",
	contract.QueueNotification: "notification",
}

// durableSlots is how many durable activities of a queue run at once in this
// process: as many as the pools of its service let through, forward and
// compensation together. The two walls are one setting: a task that could not
// be served waits at the server, where it costs nothing, and not in here, where
// its time runs.
func durableSlots(limits rpc.Config) int {
	return limits.Bulkhead.MaxConcurrent + limits.Compensation.MaxConcurrent
}

// fastSlots is how many workflow tasks, each with its fast step, are under way
// at once in this process. By default it is twice what all services let through
// together: half of them can be served while as many wait for their turn.
func (s Settings) fastSlots() int {
	if s.FastSlots > 0 {
		return s.FastSlots
	}
	slots := 0
	for _, queue := range contract.Queues() {
		slots += 2 * s.limits(queue).Bulkhead.MaxConcurrent
	}
	return slots
}

// The kinds of slot suppliers.
const (
	slotsFixed     = "fixed"
	slotsResources = "resources"
)

const (
	// leastSlots are given out however busy the machine is.
	leastSlots = 5
	// mostSlots bounds what an idle machine makes of the number of fast slots.
	mostSlots = 10
)

// supplySlots decides how many tasks of a queue run at once. Workflow tasks
// may be as many as the machine can bear, up to ten times the fixed number;
// durable activities are as many as their service takes, in any case.
func (s Settings) supplySlots(queue string, options *worker.Options) error {
	durable, fast := durableSlots(s.limits(queue)), s.fastSlots()
	if s.Slots == slotsFixed || queue != contract.QueueOrders {
		options.MaxConcurrentActivityExecutionSize = durable
		// A workflow task has one fast step at a time, and lasts as long.
		options.MaxConcurrentWorkflowTaskExecutionSize = fast
		options.MaxConcurrentLocalActivityExecutionSize = fast
		return nil
	}
	busy, err := openMachine(procMount)
	if err != nil {
		return config.Wrong("slots", "resources: %v", err)
	}
	control := worker.DefaultResourceControllerOptions()
	control.CpuTargetPercent, control.MemTargetPercent = s.TargetCPU, s.TargetMemory
	control.InfoSupplier = busy
	tasks, err := worker.NewResourceBasedSlotSupplier(worker.NewResourceController(control),
		worker.ResourceBasedSlotSupplierOptions{MinSlots: leastSlots, MaxSlots: mostSlots * fast})
	if err != nil {
		return fmt.Errorf("supplying slots by resources: %w", err)
	}
	fixed, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{
		NumWorkflowSlots: fast, NumActivitySlots: durable, NumLocalActivitySlots: mostSlots * fast,
	})
	if err != nil {
		return fmt.Errorf("supplying slots: %w", err)
	}
	options.Tuner, err = worker.NewCompositeTuner(worker.CompositeTunerOptions{
		WorkflowSlotSupplier:        tasks,
		ActivitySlotSupplier:        fixed.GetActivityTaskSlotSupplier(),
		LocalActivitySlotSupplier:   fixed.GetLocalActivitySlotSupplier(),
		NexusSlotSupplier:           fixed.GetNexusSlotSupplier(),
		SessionActivitySlotSupplier: fixed.GetSessionActivitySlotSupplier(),
	})
	if err != nil {
		return fmt.Errorf("supplying slots: %w", err)
	}
	return nil
}

// procMount is where Linux tells of itself.
const procMount = "/proc"
