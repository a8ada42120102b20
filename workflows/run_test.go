package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/internal/problem"
	"orderflow/services/inventory"
	"orderflow/services/money"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

const orderID = "order-1"

func input(way contract.Settings) contract.PlaceOrderInput {
	return contract.PlaceOrderInput{
		OrderID: orderID, CustomerID: "cust-ada", CustomerName: "Ada",
		Items: []contract.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(1250, "USD")}},
		Total: money.New(2500, "USD"), PaymentMethod: "pm_card_visa",
		ShippingAddress: contract.Address{Name: "Ada", Line1: "1 Main St", City: "London", Country: "GB"},
		AcceptedAt:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Settings:        way,
	}
}

// run is one placement in Temporal's test environment, with virtual time, the
// real activities and scripted services behind them.
type run struct {
	t        *testing.T
	env      *testsuite.TestWorkflowEnvironment
	services *services
	way      contract.Settings
}

func newRun(t *testing.T, way contract.Settings) *run {
	var s testsuite.WorkflowTestSuite
	s.SetDisableRegistrationAliasing(true)
	s.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	r := &run{t: t, env: s.NewTestWorkflowEnvironment(), services: newServices(), way: way}
	r.env.SetTestTimeout(30 * time.Second)
	r.env.SetStartTime(input(way).AcceptedAt)
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: orderID, TaskQueue: contract.QueueOrders})
	r.env.SetCurrentHistoryLength(3)
	r.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&growing{env: r.env}}})
	r.env.RegisterWorkflow(workflows.PlaceOrder)
	r.env.RegisterActivity(&activities.Orders{Client: order.NewClient(r.services)})
	r.env.RegisterActivity(&activities.Inventory{Client: inventory.NewClient(r.services)})
	r.env.RegisterActivity(&activities.Payment{Client: payment.NewClient(r.services)})
	r.env.RegisterActivity(&activities.Shipping{Client: shipping.NewClient(r.services)})
	r.env.RegisterActivity(&activities.Notification{Client: notification.NewClient(r.services)})
	return r
}

// growing lengthens the history as a server does: what comes after the scheduling
// of an activity comes in a later workflow task.
type growing struct {
	interceptor.WorkerInterceptorBase
	env *testsuite.TestWorkflowEnvironment
}

func (g *growing) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	inbound := &growingInbound{growing: g}
	inbound.Next = next
	return inbound
}

type growingInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	growing *growing
}

func (i *growingInbound) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	scheduling := &growingOutbound{growing: i.growing}
	scheduling.Next = outbound
	return i.Next.Init(scheduling)
}

type growingOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	growing *growing
}

func (o *growingOutbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	o.growing.env.SetCurrentHistoryLength(12)
	return o.Next.ExecuteActivity(ctx, activityType, args...)
}

func (r *run) execute() {
	r.env.ExecuteWorkflow(workflows.PlaceOrder, input(r.way))
	require.True(r.t, r.env.IsWorkflowCompleted())
}

// loseFirstTask makes the first workflow task the repetition of a lost one.
func (r *run) loseFirstTask() { r.env.SetCurrentHistoryLength(6) }

func (r *run) progress() contract.Progress {
	value, err := r.env.QueryWorkflow(contract.QueryProgress)
	require.NoError(r.t, err)
	var p contract.Progress
	require.NoError(r.t, value.Get(&p))
	return p
}

// turningBackAt are the compensations of an order that turns back at a step for
// a reason that is not the service's final word: a lost workflow task may have
// gone further on the fast way, so all steps are undone then.
func (r *run) turningBackAt(step string) []string {
	if r.way.FastWayOff {
		return backward[step]
	}
	return backward[contract.StepShipOrder]
}

// requireUndone asserts the one right way in which a refusal at a step ends.
func (r *run) requireUndone(failing, reason string) {
	r.t.Helper()
	r.requireUndoneBy(backward[failing], failing, reason)
}

// requireTurnedBack asserts the one right way in which any other failure ends.
func (r *run) requireTurnedBack(failing, reason string) {
	r.t.Helper()
	r.requireUndoneBy(r.turningBackAt(failing), failing, reason)
}

func (r *run) requireUndoneBy(compensations []string, failing, reason string) {
	r.t.Helper()
	var failed *temporal.ApplicationError
	require.ErrorAs(r.t, r.env.GetWorkflowError(), &failed)
	require.Equal(r.t, contract.ErrorSagaFailed, failed.Type())
	var details contract.Progress
	require.NoError(r.t, failed.Details(&details))
	require.Equal(r.t, contract.SagaCompensated, details.State)

	require.Equal(r.t, compensations, unique(r.services.compensations()))
	require.Equal(r.t, 1, r.services.count(contract.StepNotifyCustomer))
	require.Equal(r.t, notification.OrderUndone, r.services.notified.Template)

	recorded := r.services.cancelled
	require.Equal(r.t, reason, recorded.Reason)
	require.Equal(r.t, order.SagaCompensated, recorded.Saga.State)
	for _, step := range recorded.Saga.Steps {
		switch {
		case step.Name == failing:
			require.Equal(r.t, "failed", step.State)
			require.Equal(r.t, reason, step.Error)
			require.Equal(r.t, "done", step.Compensation.State)
		case r.services.count(step.Name) > 0:
			require.Equal(r.t, "compensated", step.State, step.Name)
			require.Equal(r.t, "done", step.Compensation.State)
		default:
			require.Equal(r.t, "skipped", step.State, step.Name)
			if undo := undoOf[step.Name]; slices.Contains(compensations, undo) && len(compensations) > len(backward[failing]) {
				require.Equal(r.t, &order.Compensation{Name: undo, State: "done"}, step.Compensation, "in case that a lost task has taken it")
			} else if step.Name != contract.StepConfirmOrder || step.Compensation != nil {
				require.Nil(r.t, step.Compensation, step.Name)
			}
		}
	}
}

func stepOf(p contract.Progress, name string) contract.StepProgress {
	for _, step := range p.Steps {
		if step.Name == name {
			return step
		}
	}
	return contract.StepProgress{}
}

func typeOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Type()
	}
	return ""
}

// answer is what the sender of an update heard.
type answer struct {
	refused  error
	progress *contract.Progress
}

func (a *answer) Accept()          {}
func (a *answer) Reject(err error) { a.refused = err }
func (a *answer) Complete(success any, err error) {
	if err != nil {
		a.refused = err // later than at once
	} else if progress, ok := success.(contract.Progress); ok {
		a.progress = &progress
	}
}

func (r *run) cancelAt(moments ...time.Duration) []*answer {
	var answers []*answer
	for _, moment := range moments {
		heard := &answer{}
		answers = append(answers, heard)
		r.env.RegisterDelayedCallback(func() {
			r.env.UpdateWorkflow(contract.UpdateCancel, moment.String(), heard,
				contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"})
		}, moment)
	}
	return answers
}

// send is an update at a moment of virtual time.
func (r *run) send(moment time.Duration, update string, request any) *answer {
	heard := &answer{}
	r.env.RegisterDelayedCallback(func() {
		r.env.UpdateWorkflow(update, update+moment.String(), heard, request)
	}, moment)
	return heard
}

// look keeps the progress of a moment of virtual time.
func (r *run) look(moment time.Duration) *contract.Progress {
	seen := &contract.Progress{}
	r.env.RegisterDelayedCallback(func() { *seen = r.progress() }, moment)
	return seen
}

func (r *run) awaitOutcomeAt(moment time.Duration) *answer {
	heard := &answer{}
	r.env.RegisterDelayedCallback(func() {
		r.env.UpdateWorkflow(contract.UpdateAwaitOutcome, "outcome", heard)
	}, moment)
	return heard
}

// services answers every client's calls by a script for each step, attempt by
// attempt; the last answer of a script stays.
type services struct {
	mu      sync.Mutex
	calls   []string
	scripts map[string][]error
	// during runs once, inside the first call of a step.
	during map[string]func(context.Context)
	// always runs inside each call of a step.
	always    map[string]func(context.Context)
	cancelled order.CancelRequest
	completed order.ShipRequest
	notified  notification.NotifyRequest
	recorded  []order.InterventionRequest
	charged   []payment.ChargeRequest
	shipped   []shipping.ShipRequest
	refunded  []order.Key
	returned  []order.Key
	// live and paid are what a recovery finds.
	live *shipping.Shipment
	paid payment.Status
}

func newServices() *services {
	return &services{scripts: map[string][]error{}, during: map[string]func(context.Context){}, always: map[string]func(context.Context){}}
}

func (s *services) answer(step string, script []error) { s.scripts[step] = script }

var stepsByPath = map[string]string{
	"/v1/orders":                         contract.StepCreateOrder,
	"/v1/orders/" + orderID + "/confirm": contract.StepConfirmOrder,
	"/v1/orders/" + orderID + "/ship":    contract.StepCompleteOrder,
	"/v1/orders/" + orderID + "/cancel":  contract.UndoCreateOrder,
	"/v1/reservations":                   contract.StepReserveInventory,
	"/v1/reservations/release":           contract.UndoReserveInventory,
	"/v1/reservations/commit":            contract.StepCommitInventory,
	"/v1/charges":                        contract.StepChargePayment,
	"/v1/charges/refund":                 contract.UndoChargePayment,
	"/v1/shipments":                      contract.StepShipOrder,
	"/v1/shipments/cancel":               contract.UndoShipOrder,
	"/v1/notifications":                  contract.StepNotifyCustomer,
	"/v1/shipments/" + orderID:           contract.FindShipment,
	"/v1/payments/" + orderID:            contract.FindPayment,

	"/v1/orders/" + orderID + "/interventions": contract.RecordIntervention,
}

func (s *services) Call(ctx context.Context, _, path string, in, out any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	step := stepsByPath[path]
	s.calls = append(s.calls, step)
	if during := s.during[step]; during != nil {
		delete(s.during, step)
		during(ctx)
	}
	if always := s.always[step]; always != nil {
		always(ctx)
	}
	if script := s.scripts[step]; len(script) > 0 {
		if len(script) > 1 {
			s.scripts[step] = script[1:]
		}
		if script[0] != nil {
			return script[0]
		}
	}
	if step == contract.FindShipment {
		if s.live == nil {
			return problem.New(problem.NotFound, "no shipment")
		}
		*out.(*shipping.Shipment) = *s.live
	}
	if step == contract.FindPayment {
		if s.paid == "" {
			return problem.New(problem.NotFound, "no payment")
		}
		*out.(*payment.Payment) = payment.Payment{Status: s.paid}
	}
	switch request := in.(type) {
	case order.CancelRequest:
		s.cancelled = request
	case order.ShipRequest:
		s.completed = request
	case notification.NotifyRequest:
		s.notified = request
	case order.InterventionRequest:
		s.recorded = append(s.recorded, request)
	case payment.ChargeRequest:
		s.charged = append(s.charged, request)
	case payment.RefundRequest:
		s.refunded = append(s.refunded, request.Key)
	case shipping.CancelRequest:
		s.returned = append(s.returned, request.Key)
	case shipping.ShipRequest:
		s.shipped = append(s.shipped, request)
		*out.(*shipping.Shipment) = shipping.Shipment{TrackingNumber: "TRACK-1", Carrier: "simulated"}
	}
	return nil
}

func (s *services) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

func (s *services) count(step string) int {
	n := 0
	for _, called := range s.called() {
		if called == step {
			n++
		}
	}
	return n
}

// compensations are the compensating calls in their order.
func (s *services) compensations() []string {
	var undone []string
	for _, called := range s.called() {
		if strings.HasPrefix(called, "Cancel") || strings.HasPrefix(called, "Re") && called != contract.StepReserveInventory && called != contract.RecordIntervention {
			undone = append(undone, called)
		}
	}
	return undone
}
