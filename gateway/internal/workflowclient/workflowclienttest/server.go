// Package workflowclienttest has a Temporal server for tests. It keeps workflow
// IDs, runs, update IDs and visibility as the real one does. No workflow runs in
// it: tests set what a worker would answer.
package workflowclienttest

import (
	"context"
	"fmt"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"orderflow/gateway/internal/workflowclient"
)

// Server is a server in memory for workflows that take an Input and answer with
// an Answer. Set its fields before use, or through Change. It is safe for
// concurrent use.
type Server[Input, Answer any] struct {
	// Down makes every call wait for the end of its context, as the SDK does
	// when the server is away.
	Down bool
	// LoseStarts is how many starts happen without their answer arriving.
	LoseStarts int
	// NoWorker makes queries and updates wait for the end of their context.
	NoWorker bool
	// Answer answers queries; Query does, when it is set.
	Answer Answer
	Query  func() Answer
	// Update decides updates; nil accepts each. An accepted one answers as a
	// query does. Its context is the caller's.
	Update func(ctx context.Context, name string, args []any) error
	// EndsWith names the update whose acceptance ends the workflow.
	EndsWith string
	// PageSize is how many workflows a page of a list has at most; 0 is as many
	// as are asked for.
	PageSize int

	mu        sync.Mutex
	workflows map[string][]*run // by ID, the newest last
	starts    int
	updates   []client.UpdateWorkflowOptions
	events    int
}

var _ workflowclient.Temporal = (*Server[any, any])(nil)

// run is one run of a workflow.
type run struct {
	id, runID, workflow string
	status              enumspb.WorkflowExecutionStatus
	start, end          time.Time
	flagged             bool
	options             client.StartWorkflowOptions
	input               *commonpb.Payloads
	memo                *commonpb.Memo
	accepted            map[string]any // answers by update ID
}

func (r *run) open() bool { return r.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING }

// Change changes the fields while the server is in use.
func (s *Server[Input, Answer]) Change(change func(*Server[Input, Answer])) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Started returns what the newest run of each ID was started with.
func (s *Server[Input, Answer]) Started() map[string]Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	inputs := make(map[string]Input, len(s.workflows))
	for id := range s.workflows {
		var input Input
		if err := converter.GetDefaultDataConverter().FromPayloads(s.newest(id).input, &input); err != nil {
			panic(err)
		}
		inputs[id] = input
	}
	return inputs
}

// Options returns what the newest run of an ID was started with.
func (s *Server[Input, Answer]) Options(id string) client.StartWorkflowOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest(id).options
}

// StartCalls counts the calls that asked for a start.
func (s *Server[Input, Answer]) StartCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// Updates returns the updates that were sent, without those that repeat the ID
// of an accepted one.
func (s *Server[Input, Answer]) Updates() []client.UpdateWorkflowOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.updates
}

// Close ends a workflow.
func (s *Server[Input, Answer]) Close(id string, status enumspb.WorkflowExecutionStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	closed := s.newest(id)
	closed.status, closed.end = status, s.tick()
}

// Restart starts another run of a closed workflow, as the reconciler does.
func (s *Server[Input, Answer]) Restart(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.newest(id)
	s.add(&run{id: id, workflow: last.workflow, options: last.options, input: last.input, memo: last.memo})
}

// Flag sets the search attribute that asks for an operator.
func (s *Server[Input, Answer]) Flag(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest(id).flagged = true
}

// Forget removes a workflow, as retention does.
func (s *Server[Input, Answer]) Forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.workflows, id)
}

// newest returns the newest run of an ID, nil without one. The caller holds mu.
func (s *Server[Input, Answer]) newest(id string) *run {
	runs := s.workflows[id]
	if len(runs) == 0 {
		return nil
	}
	return runs[len(runs)-1]
}

// add starts a run. The caller holds mu.
func (s *Server[Input, Answer]) add(started *run) {
	if s.workflows == nil {
		s.workflows = make(map[string][]*run)
	}
	started.runID = fmt.Sprint("run-", len(s.workflows[started.id]))
	started.status, started.start = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.tick()
	started.accepted = make(map[string]any)
	s.workflows[started.id] = append(s.workflows[started.id], started)
}

// tick returns a later time than ever before. The caller holds mu.
func (s *Server[Input, Answer]) tick() time.Time {
	s.events++
	return time.Unix(1_700_000_000, 0).Add(time.Duration(s.events) * time.Second)
}

// find returns a copy of a run, of the newest when it is not named.
func (s *Server[Input, Answer]) find(ctx context.Context, id, runID string) (run, error) {
	if err := s.up(ctx); err != nil {
		return run{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest := s.newest(id); runID == "" && newest != nil {
		return *newest, nil
	}
	for _, each := range s.workflows[id] {
		if each.runID == runID {
			return *each, nil
		}
	}
	return run{}, serviceerror.NewNotFound("workflow not found for ID: " + id)
}

// up waits for a server that is not there.
func (s *Server[Input, Answer]) up(ctx context.Context) error {
	s.mu.Lock()
	down := s.Down
	s.mu.Unlock()
	if down {
		return giveUp(ctx)
	}
	return ctx.Err()
}

// worker waits for a worker that is not there.
func (s *Server[Input, Answer]) worker(ctx context.Context) error {
	s.mu.Lock()
	absent := s.NoWorker
	s.mu.Unlock()
	if absent {
		return giveUp(ctx)
	}
	return nil
}

func giveUp(ctx context.Context) error {
	<-ctx.Done()
	return serviceerror.NewDeadlineExceeded(ctx.Err().Error())
}
