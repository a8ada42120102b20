package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"

	"orderflow/activities"
	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// Network stands between the clients and the services, and gives every call
// its fate.
type Network struct {
	services *Services
	pace     Pace
	sabotage Sabotage

	mu    sync.Mutex
	sagas map[string]*Saga
	// travelling are the calls that are under way, also those that nobody waits
	// for any more.
	travelling sync.WaitGroup
	delivering atomic.Int64
}

// Pace says how fast things are.
type Pace struct {
	// Fastest and Slowest bound one way of a call.
	Fastest, Slowest time.Duration
	// Patience is how long a sender waits for an answer that never comes.
	Patience time.Duration
	// Latest bounds what arrives late, counted from its sending.
	Latest time.Duration
	// Death is how long it takes until the death of a worker is noticed.
	Death time.Duration
}

var (
	// Natural are times as they are in production.
	Natural = Pace{
		Fastest: 5 * time.Millisecond, Slowest: 400 * time.Millisecond,
		Patience: 5 * time.Second, Latest: 40 * time.Second, Death: contract.AttemptTimeout,
	}
	// Quick are times for who must really wait.
	Quick = Pace{
		Fastest: 0, Slowest: 10 * time.Millisecond,
		Patience: 100 * time.Millisecond, Latest: 2 * time.Second, Death: 200 * time.Millisecond,
	}
)

// QuickStep is how long a step may take that is meant to fail, where somebody
// must really wait: a few attempts, and long enough for a busy machine.
const QuickStep = 15 * time.Second

// Sabotage is a defect that a simulation must find. It may change a call before
// it is delivered, and a copy of one; done says that the service is not to be
// asked at all.
type Sabotage func(call *Call) (done bool)

// NewNetwork returns a network in front of the services.
func NewNetwork(services *Services, pace Pace) *Network {
	return &Network{services: services, pace: pace, sagas: map[string]*Saga{}}
}

// Carry makes the network know the order, so that its calls have their fates.
func (n *Network) Carry(saga *Saga) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sagas[saga.Scenario.Order.OrderID] = saga
}

func (n *Network) saga(orderID string) *Saga {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sagas[orderID]
}

// Settle waits until nothing travels any more.
func (n *Network) Settle() { n.travelling.Wait() }

// Delivering is how many calls are with the services at this moment.
func (n *Network) Delivering() int { return int(n.delivering.Load()) }

// To returns what the clients of a service call.
func (n *Network) To(service string) rpc.Caller { return line{n, service} }

// line leads to one service.
type line struct {
	network *Network
	service string
}

// Call is one call on its way to a service.
type Call struct {
	Activity string
	Number   int
	Copy     bool
	In       any

	saga         *Saga
	run          int
	revision     int
	fate         Fate
	service      string
	method, path string
	wantsAnswer  bool
}

// answer is what a service has said to a call.
type answer struct {
	body json.RawMessage
	err  error
}

// errWorkerDied ends an attempt that nobody hears of again.
var errWorkerDied = errors.New("the worker died")

// Call makes the call of the activity that ctx belongs to. Its errors are those
// of rpc.Client.Call, activities.ErrOnHold, and errWorkerDied.
func (l line) Call(ctx context.Context, method, path string, in, out any) error {
	call := l.network.begin(ctx, Call{service: l.service, method: method, path: path, In: in, wantsAnswer: out != nil})
	if err := l.atOnce(call.fate); err != nil {
		return err
	}
	answers := make(chan answer, 1)
	l.network.travelling.Go(func() { l.network.travel(context.WithoutCancel(ctx), call, answers) })
	select {
	case heard := <-answers:
		if heard.err != nil || out == nil {
			return heard.err
		}
		return json.Unmarshal(heard.body, out)
	case <-l.network.givenUp(call.fate):
		if call.fate == Orphaned {
			return errWorkerDied
		}
		return l.failed(rpc.Timeout, 0)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return fmt.Errorf("calling %s: %w", l.service, ctx.Err())
		}
		return l.failed(rpc.Timeout, 0)
	}
}

// atOnce is the error of a call that does not leave its sender.
func (l line) atOnce(fate Fate) error {
	switch fate {
	case Lost:
		return l.failed(rpc.Unavailable, 0)
	case HeldBack:
		return l.failed(rpc.BreakerOpen, 20*time.Second)
	case OnHold:
		return activities.ErrOnHold
	case Refused:
		return problem.New(problem.Conflict, "refused")
	default:
		return nil
	}
}

// givenUp tells when the sender of a call without an answer stops waiting.
func (n *Network) givenUp(fate Fate) <-chan time.Time {
	switch fate {
	case Unheard, Unanswered, Late:
		return time.After(n.pace.Patience)
	case Orphaned:
		return time.After(n.pace.Death)
	default:
		return nil
	}
}

func (l line) failed(reason rpc.Reason, retryAfter time.Duration) error {
	return &rpc.Error{Target: l.service, Reason: reason, RetryAfter: retryAfter, Err: errors.New("simulated")}
}

// begin counts the call and gives it its fate.
func (n *Network) begin(ctx context.Context, call Call) *Call {
	info := activity.GetInfo(ctx)
	call.saga = n.saga(info.WorkflowExecution.ID)
	call.Activity, call.revision = info.ActivityType.Name, revisionOf(call.In)
	// Calls that begin at the same moment get an order of their own.
	<-time.After(call.saga.Scenario.between("begin "+call.Activity, call.revision, 0, time.Millisecond))
	call.Number, call.run = call.saga.count(call.Activity)
	call.fate = call.saga.Scenario.fate(call.Activity, call.Number)
	if call.fate == Orphaned && info.IsLocalActivity {
		call.fate = Unanswered
	}
	call.saga.Trace.add(call.entry(Sent, string(call.fate)))
	call.saga.reach(call.Activity, call.Number, false)
	return &call
}

// revisionOf is the revision of the request's key; 0 for a request without one.
func revisionOf(request any) int {
	value := reflect.ValueOf(request)
	if value.Kind() != reflect.Struct {
		return 0
	}
	key, _ := value.FieldByName("Key").Interface().(fence.Key)
	return key.Revision
}

func (c *Call) entry(kind EntryKind, text string) Entry {
	return Entry{Kind: kind, Run: c.run, Activity: c.Activity, Call: c.Number, Revision: c.revision, Text: text}
}

// travel takes the call to its service and the answer back, as far as they
// come.
func (n *Network) travel(ctx context.Context, call *Call, answers chan<- answer) {
	scenario := call.saga.Scenario
	there := scenario.between("to "+call.Activity, call.Number, n.pace.Fastest, n.pace.Slowest)
	back := scenario.between("from "+call.Activity, call.Number, n.pace.Fastest, n.pace.Slowest)
	later := scenario.between("late "+call.Activity, call.Number, n.pace.Patience, n.pace.Latest)
	switch call.fate {
	case Unheard:
		return
	case Late:
		<-time.After(later)
	default:
		<-time.After(there)
	}
	said := n.deliver(ctx, call)
	call.saga.reach(call.Activity, call.Number, true)
	switch call.fate {
	case Late, Unanswered, Orphaned:
		return
	case Broken:
		said = answer{err: line{n, call.service}.failed(rpc.Unavailable, 0)}
	case Twice:
		n.travelling.Go(func() {
			<-time.After(later)
			again := *call
			again.Copy = true
			n.deliver(ctx, &again)
		})
	default:
	}
	<-time.After(back)
	answers <- said
}

// deliver hands the call to the service.
func (n *Network) deliver(ctx context.Context, call *Call) (said answer) {
	if n.sabotage == nil || !n.sabotage(call) {
		n.delivering.Add(1)
		defer n.delivering.Add(-1)
		said.body, said.err = n.services.deliver(ctx, call)
	}
	call.saga.Trace.add(call.entry(Delivered, outcome(said.err)))
	return said
}

func outcome(err error) string {
	var failure *rpc.Error
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &failure):
		return string(failure.Reason)
	default:
		return string(problem.CodeOf(err))
	}
}
