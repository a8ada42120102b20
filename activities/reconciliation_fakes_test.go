package activities

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/protobuf/types/known/timestamppb"

	"orderflow/internal/effects"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// fakeRun is the latest run of an order's workflow.
type fakeRun struct {
	status   enumspb.WorkflowExecutionStatus
	failedAs string
	closedAt time.Time
	input    any // what it was started with
	// unreadable makes what it has accepted unreadable: the key is gone.
	unreadable bool
	// said are the updates that it has accepted, after its start.
	said []contract.Settlement
}

// fakeTemporal has one run of each workflow, and a visibility store of its own.
type fakeTemporal struct {
	runs map[string]fakeRun
	// listed are pages of workflow IDs.
	listed  [][]string
	queries []string
	down    bool
	// taken lets somebody else's run be faster.
	taken   bool
	started []client.StartWorkflowOptions
	inputs  []contract.PlaceOrderInput
}

var errDown = serviceerror.NewUnavailable("down")

func (f *fakeTemporal) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	if f.down {
		return nil, errDown
	}
	f.queries = append(f.queries, request.GetQuery())
	page := 0
	if token := request.GetNextPageToken(); len(token) > 0 {
		page = int(token[0])
	}
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, id := range f.listed[page] {
		response.Executions = append(response.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id}, CloseTime: timestamppb.New(f.runs[id].closedAt),
		})
	}
	if page+1 < len(f.listed) {
		response.NextPageToken = []byte{byte(page + 1)}
	}
	return response, nil
}

func (f *fakeTemporal) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	run, known := f.runs[id]
	switch {
	case f.down:
		return nil, errDown
	case !known:
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	info := &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "run-1"}, Status: run.status}
	if run.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		info.CloseTime = timestamppb.New(run.closedAt)
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func (f *fakeTemporal) GetWorkflowHistory(_ context.Context, id, runID string, _ bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	run := f.runs[id]
	if runID != "run-1" {
		return &fakeHistory{err: errors.New("another run")}
	}
	if filter == enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT {
		return &fakeHistory{events: []*historypb.HistoryEvent{{Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: &failurepb.Failure{
				FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: run.failedAs}},
			}},
		}}}}
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(run.input)
	events := []*historypb.HistoryEvent{{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: payloads},
	}}}
	for _, word := range run.said {
		args, failed := converter.GetDefaultDataConverter().ToPayloads(word.OperatorRequest)
		err = errors.Join(err, failed)
		if run.unreadable {
			args.Payloads[0].Metadata[converter.MetadataEncoding] = []byte("binary/encrypted")
		}
		events = append(events, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{
			WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
				AcceptedRequest: &updatepb.Request{Input: &updatepb.Input{Name: word.Update, Args: args}},
			},
		}})
	}
	return &fakeHistory{err: err, events: events}
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, options client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if f.taken {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "request", "run")
	}
	f.started = append(f.started, options)
	f.inputs = append(f.inputs, args[0].(contract.PlaceOrderInput))
	return nil, nil
}

type fakeHistory struct {
	events []*historypb.HistoryEvent
	err    error
}

func (h *fakeHistory) HasNext() bool { return h.err != nil || len(h.events) > 0 }

func (h *fakeHistory) Next() (*historypb.HistoryEvent, error) {
	if h.err != nil {
		return nil, h.err
	}
	next := h.events[0]
	h.events = h.events[1:]
	return next, nil
}

// fakeServices answer the calls of all clients.
type fakeServices struct {
	orders    map[string]order.View
	streams   map[string][]order.Event
	shipments map[string]shipping.Shipment
	effects   map[string]effects.Page // by kind
	queries   []url.Values
	// away are the beginnings of paths that nobody answers.
	away []string
	asks []string
}

func (f *fakeServices) Call(_ context.Context, _, path string, in, out any) error {
	f.asks = append(f.asks, path)
	for _, prefix := range f.away {
		if strings.HasPrefix(path, prefix) {
			return &rpc.Error{Target: "x", Reason: rpc.Unavailable, Err: errors.New("connection refused")}
		}
	}
	address, err := url.Parse(path)
	if err != nil {
		return err
	}
	if query, ok := in.(order.StatusQuery); ok {
		var list order.StatusList
		for _, id := range query.OrderIDs {
			if view, known := f.orders[id]; known {
				list.Items = append(list.Items, order.Standing{OrderID: id, Status: view.Status})
			}
		}
		return answer(out, list, true)
	}
	area, name, _ := strings.Cut(strings.TrimPrefix(address.Path, "/v1/"), "/")
	switch area {
	case "effects":
		f.queries = append(f.queries, address.Query())
		page, known := f.effects[name]
		return answer(out, page, known)
	case "shipments":
		shipment, known := f.shipments[name]
		return answer(out, shipment, known)
	default:
		if id, stream := strings.CutSuffix(name, "/events"); stream {
			events, known := f.streams[id]
			return answer(out, map[string]any{"items": events}, known)
		}
		view, known := f.orders[name]
		return answer(out, view, known)
	}
}

func answer(out, value any, known bool) error {
	if !known {
		return problem.New(problem.NotFound, http.StatusText(http.StatusNotFound))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// world is Temporal and the services, and the activities that look at them.
type world struct {
	t        *testing.T
	temporal *fakeTemporal
	services *fakeServices
	env      *testsuite.TestActivityEnvironment
	// activities are only named here; env runs them.
	activities *Reconciliation
}

func newWorld(t *testing.T) *world {
	var suite testsuite.WorkflowTestSuite
	w := &world{
		t: t, env: suite.NewTestActivityEnvironment(),
		temporal: &fakeTemporal{runs: map[string]fakeRun{}},
		services: &fakeServices{orders: map[string]order.View{}, streams: map[string][]order.Event{}, shipments: map[string]shipping.Shipment{}, effects: map[string]effects.Page{}},
	}
	w.activities = &Reconciliation{
		Temporal: w.temporal, Converter: converter.GetDefaultDataConverter(), Now: func() time.Time { return now },
		Orders: order.NewClient(w.services), Inventory: inventory.NewClient(w.services),
		Payment: payment.NewClient(w.services), Shipping: shipping.NewClient(w.services),
	}
	w.env.RegisterActivity(w.activities)
	return w
}

func (w *world) decide(suspect contract.Suspect) (decision contract.Decision, err error) {
	w.t.Helper()
	value, err := w.env.ExecuteActivity(w.activities.RecoverOrder, suspect)
	if err == nil {
		require.NoError(w.t, value.Get(&decision))
	}
	return decision, err
}

func (w *world) find(request contract.SuspectsRequest) (page contract.Suspects, err error) {
	w.t.Helper()
	value, err := w.env.ExecuteActivity(w.activities.FindSuspects, request)
	if err == nil {
		require.NoError(w.t, value.Get(&page))
	}
	return page, err
}
