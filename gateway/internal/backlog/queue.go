package backlog

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// Stats are what the server says of a queue at one moment. Two that are equal in
// all their parts are one answer, told twice: the server keeps an answer for a
// while.
type Stats struct {
	// Waiting is how many tasks wait for a worker.
	Waiting int64
	// Age is how long the oldest of them has waited.
	Age time.Duration
	// Added and Dispatched are tasks a second, over the server's last half minute.
	Added, Dispatched float32
}

// Queue is a queue that can be asked; *TaskQueue is one.
type Queue interface {
	Stats(ctx context.Context) (Stats, error)
}

// Describer is what is needed of Temporal's API;
// workflowservice.WorkflowServiceClient has it.
type Describer interface {
	DescribeTaskQueue(ctx context.Context, request *workflowservice.DescribeTaskQueueRequest, options ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error)
}

// TaskQueue is a queue of workflow tasks on a Temporal server.
//
// The server adds up all partitions, priorities and versions of workers. What it
// leaves out are tasks for the one worker that has the workflow in its cache
// (sticky tasks): with few exceptions, a task that waits here is the first one
// of its workflow. The server may count a task that was lost as waiting, and
// corrects itself when the queue is empty. It remembers its answer for
// matching.TaskQueueInfoByBuildIdTTL, by default five seconds.
type TaskQueue struct {
	Server          Describer
	Namespace, Name string
}

// Stats asks the server. The context bounds how long.
func (q *TaskQueue) Stats(ctx context.Context) (Stats, error) {
	described, err := q.Server.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     q.Namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: q.Name, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
		ReportStats:   true,
	})
	if err != nil {
		return Stats{}, fmt.Errorf("asking for the backlog of the task queue %s: %w", q.Name, err)
	}
	stats := described.GetStats()
	if stats == nil {
		return Stats{}, fmt.Errorf("asking for the backlog of the task queue %s: the server is too old to tell", q.Name)
	}
	return Stats{
		Waiting:    stats.GetApproximateBacklogCount(),
		Age:        stats.GetApproximateBacklogAge().AsDuration(),
		Added:      stats.GetTasksAddRate(),
		Dispatched: stats.GetTasksDispatchRate(),
	}, nil
}
