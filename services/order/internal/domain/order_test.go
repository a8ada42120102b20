package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func validPlacement() order.Placement {
	return order.Placement{
		OrderID:      "order-1",
		CustomerID:   "cust-ada",
		CustomerName: "Ada Lovelace",
		Items: []order.Item{
			{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")},
			{ProductID: "prod-tea", ProductName: "Tea", Quantity: 3, UnitPrice: money.New(250, "USD")},
		},
		Total:       money.New(10748, "USD"),
		RequestHash: "sha256:00ff",
		AcceptedAt:  noon,
	}
}

var (
	completed   = order.Saga{State: order.SagaCompleted, Steps: []order.SagaStep{{Name: "create-order", State: "done"}}}
	compensated = order.Saga{State: order.SagaCompensated, Steps: []order.SagaStep{{Name: "charge-payment", State: "failed", Error: "declined"}}}
)

func validIntervention() order.Intervention {
	return order.Intervention{
		Action: order.InterventionSkip, Step: "RefundPayment", Actor: "ops-jane", Reason: "the acquirer is gone", At: noon,
	}
}

// arguments are valid ones for every command.
type arguments struct {
	placement    domain.Placement
	shipment     domain.Shipment
	cancellation domain.Cancellation
	intervention domain.Intervention
}

func validArguments(t require.TestingT) arguments {
	placement, err := domain.NewPlacement(validPlacement())
	require.NoError(t, err)
	shipment, err := domain.NewShipment("TRACK-1", "Simulated Parcel", completed)
	require.NoError(t, err)
	cancellation, err := domain.NewCancellation("the payment was declined", compensated)
	require.NoError(t, err)
	intervention, err := domain.NewIntervention(validIntervention())
	require.NoError(t, err)
	return arguments{placement, shipment, cancellation, intervention}
}

// decide runs the command by its name.
func decide(o domain.Order, command string, a arguments) (domain.Event, error) {
	switch command {
	case "create":
		return o.Create(a.placement)
	case "confirm":
		return o.Confirm(noon)
	case "ship":
		return o.Ship(a.shipment)
	case "intervene in":
		return o.Intervene(a.intervention)
	default:
		return o.Cancel(a.cancellation)
	}
}

var commands = []string{"create", "confirm", "ship", "cancel", "intervene in"}

// The whole table of the aggregate: each state × each command.
func TestCommandsAreAllowedByState(t *testing.T) {
	const refused = order.Status("refused")
	histories := map[order.Status][]string{
		"":              nil,
		order.Draft:     {"create"},
		order.Confirmed: {"create", "confirm"},
		order.Shipped:   {"create", "confirm", "ship"},
		order.Cancelled: {"create", "cancel"},
	}
	for from, results := range map[order.Status]map[string]order.Status{
		"":              {"create": order.Draft, "confirm": refused, "ship": refused, "cancel": refused, "intervene in": refused},
		order.Draft:     {"create": refused, "confirm": order.Confirmed, "ship": refused, "cancel": order.Cancelled, "intervene in": order.Draft},
		order.Confirmed: {"create": refused, "confirm": refused, "ship": order.Shipped, "cancel": order.Cancelled, "intervene in": order.Confirmed},
		order.Shipped:   {"create": refused, "confirm": refused, "ship": refused, "cancel": refused, "intervene in": order.Shipped},
		order.Cancelled: {"create": refused, "confirm": refused, "ship": refused, "cancel": refused, "intervene in": order.Cancelled},
	} {
		for command, want := range results {
			t.Run(command+" when "+string(from), func(t *testing.T) {
				args := validArguments(t)
				var current domain.Order
				for _, earlier := range histories[from] {
					event, err := decide(current, earlier, args)
					require.NoError(t, err)
					current, err = current.Evolve(event)
					require.NoError(t, err)
				}
				require.Equal(t, from, current.Status())

				event, err := decide(current, command, args)
				if want == refused {
					var transition *domain.TransitionError
					require.ErrorAs(t, err, &transition)
					assert.Equal(t, &domain.TransitionError{Command: command, Status: from}, transition)
					return
				}
				require.NoError(t, err)
				next, err := current.Evolve(event)
				require.NoError(t, err)
				assert.Equal(t, want, next.Status())
				assert.Equal(t, current.Version()+1, next.Version())
			})
		}
	}
}

// The model is the contract's sentence: draft -> confirmed -> shipped;
// cancelled from draft or confirmed. A decision about the saga is recorded for
// any order, as often as there is one, and changes no status.
func TestOrderFollowsTheModelForEverySequenceOfCommands(t *testing.T) {
	model := map[order.Status]map[string]order.Status{
		"":              {"create": order.Draft},
		order.Draft:     {"confirm": order.Confirmed, "cancel": order.Cancelled, "intervene in": order.Draft},
		order.Confirmed: {"ship": order.Shipped, "cancel": order.Cancelled, "intervene in": order.Confirmed},
		order.Shipped:   {"intervene in": order.Shipped},
		order.Cancelled: {"intervene in": order.Cancelled},
	}
	rapid.Check(t, func(t *rapid.T) {
		args := validArguments(t)
		var current domain.Order
		var history []domain.Event
		status := order.Status("")
		actions := make(map[string]func(*rapid.T))
		for _, command := range commands {
			actions[command] = func(t *rapid.T) {
				event, err := decide(current, command, args)
				next, allowed := model[status][command]
				require.Equal(t, allowed, err == nil, "%s when %q", command, status)
				if !allowed {
					return
				}
				current, err = current.Evolve(event)
				require.NoError(t, err)
				history, status = append(history, event), next
			}
		}
		actions[""] = func(t *rapid.T) {
			require.Equal(t, status, current.Status())
			require.EqualValues(t, len(history), current.Version())
			require.Equal(t, len(history) > 0, current.Exists())
			replayed, err := domain.Replay(history)
			require.NoError(t, err)
			require.Equal(t, current, replayed, "a replay gives the same order")
			if current.Exists() {
				restored, err := domain.Restore(current.Status(), current.Version())
				require.NoError(t, err)
				require.Equal(t, current, restored, "a snapshot can hold it")
			}
		}
		t.Repeat(actions)
	})
}

// Whatever the sequence of events, only those that commands can decide replay.
func TestReplayRefusesImpossibleHistories(t *testing.T) {
	for name, history := range map[string][]domain.Event{
		"confirmed before created":  {domain.OrderConfirmed{}},
		"created twice":             {domain.OrderCreated{}, domain.OrderCreated{}},
		"shipped as a draft":        {domain.OrderCreated{}, domain.OrderShipped{}},
		"cancelled after shipping":  {domain.OrderCreated{}, domain.OrderConfirmed{}, domain.OrderShipped{}, domain.OrderCancelled{}},
		"confirmed when cancelled":  {domain.OrderCreated{}, domain.OrderCancelled{}, domain.OrderConfirmed{}},
		"intervened before created": {domain.OrderIntervened{}},
		"a draft, but by decisions": {domain.OrderCreated{}, domain.OrderIntervened{}, domain.OrderShipped{}},
		"an event that is no event": {nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := domain.Replay(history)
			require.ErrorIs(t, err, domain.ErrHistory)
		})
	}
}

func TestEventsCarryWhatTheCommandWasGiven(t *testing.T) {
	args := validArguments(t)
	created, err := domain.Order{}.Create(args.placement)
	require.NoError(t, err)
	placed := validPlacement()
	assert.Equal(t, domain.OrderCreated{
		CustomerID: placed.CustomerID, CustomerName: placed.CustomerName, Items: placed.Items,
		Total: placed.Total, RequestHash: placed.RequestHash, AcceptedAt: placed.AcceptedAt,
	}, created)

	draft, err := domain.Replay([]domain.Event{created})
	require.NoError(t, err)
	cancelled, err := draft.Cancel(args.cancellation)
	require.NoError(t, err)
	assert.Equal(t, domain.OrderCancelled{Reason: "the payment was declined", Saga: compensated}, cancelled)

	confirmed, err := draft.Confirm(noon)
	require.NoError(t, err)
	assert.Equal(t, domain.OrderConfirmed{ConfirmedAt: noon}, confirmed)

	ready, err := draft.Evolve(confirmed)
	require.NoError(t, err)
	shipped, err := ready.Ship(args.shipment)
	require.NoError(t, err)
	assert.Equal(t, domain.OrderShipped{TrackingNumber: "TRACK-1", Carrier: "Simulated Parcel", Saga: completed}, shipped)

	intervened, err := ready.Intervene(args.intervention)
	require.NoError(t, err)
	assert.Equal(t, domain.OrderIntervened(validIntervention()), intervened)
}

func TestCommandsRefuseArgumentsThatNoConstructorMade(t *testing.T) {
	_, err := domain.Order{}.Create(domain.Placement{})
	require.Error(t, err)
	draft, err := domain.Replay([]domain.Event{domain.OrderCreated{}})
	require.NoError(t, err)
	_, err = draft.Cancel(domain.Cancellation{})
	require.Error(t, err)
	_, err = draft.Intervene(domain.Intervention{})
	require.Error(t, err)
	confirmed, err := draft.Evolve(domain.OrderConfirmed{})
	require.NoError(t, err)
	_, err = confirmed.Ship(domain.Shipment{})
	require.Error(t, err)
}

// What a caller does to its own slices later must not change history.
func TestEventsShareNoMemoryWithTheRequest(t *testing.T) {
	placed := validPlacement()
	placement, err := domain.NewPlacement(placed)
	require.NoError(t, err)
	placed.Items[0].ProductName = "changed"
	created, err := domain.Order{}.Create(placement)
	require.NoError(t, err)
	assert.Equal(t, "Kettle", created.Items[0].ProductName)

	saga := order.Saga{State: order.SagaBlocked, Steps: []order.SagaStep{
		{Name: "a", State: "blocked", Compensation: &order.Compensation{Name: "b", State: "blocked"}},
	}}
	cancellation, err := domain.NewCancellation("late", saga)
	require.NoError(t, err)
	saga.Steps[0].Compensation.State = "changed"
	draft, err := domain.Replay([]domain.Event{created})
	require.NoError(t, err)
	cancelled, err := draft.Cancel(cancellation)
	require.NoError(t, err)
	assert.Equal(t, "blocked", cancelled.Saga.Steps[0].Compensation.State)
}
