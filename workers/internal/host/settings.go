package host

import (
	"slices"
	"strings"
	"time"

	"orderflow/internal/config"
	"orderflow/workflows/contract"
)

// Settings are those of one worker process.
type Settings struct {
	Temporal config.Temporal `embed:"" prefix:"temporal-"`

	Queues []string `default:"orders,inventory,payment,shipping,notification" help:"Task queues to poll, separated by commas; all by default."`

	WorkflowPollers int           `default:"8" help:"Pollers for workflow tasks."`
	ActivityPollers int           `default:"8" help:"Pollers for activity tasks, for each queue."`
	StickyCache     int           `default:"2000" help:"Workflows kept in memory between their tasks; 0 replays each from its history."`
	DrainWorkers    time.Duration `default:"3s" min:"2s" max:"5m" help:"How long tasks in flight may take at the end, of each kind: workflow tasks, their local activities, activities."`
}

// Validate refuses an unknown queue and numbers out of range.
func (s Settings) Validate() error {
	if len(s.Queues) == 0 {
		return config.Wrong("queues", "want at least one of %s", strings.Join(contract.Queues(), ", "))
	}
	for _, queue := range s.Queues {
		if !slices.Contains(contract.Queues(), queue) {
			return config.Wrong("queues", "%q is not one of %s", queue, strings.Join(contract.Queues(), ", "))
		}
	}
	// Temporal's SDK needs two pollers, one for the sticky queue.
	if s.WorkflowPollers < 2 || s.WorkflowPollers > 1000 {
		return config.Wrong("workflow-pollers", "%d is not from 2 to 1000", s.WorkflowPollers)
	}
	if s.ActivityPollers < 1 || s.ActivityPollers > 1000 {
		return config.Wrong("activity-pollers", "%d is not from 1 to 1000", s.ActivityPollers)
	}
	if s.StickyCache < 0 || s.StickyCache > 1_000_000 {
		return config.Wrong("sticky-cache", "%d is not from 0 to 1000000", s.StickyCache)
	}
	return nil
}
