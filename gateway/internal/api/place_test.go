package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

const validBody = `{"customerId":"cust-ada",
 "items":[{"productId":"prod-kettle","quantity":2},{"productId":"prod-cup","quantity":1},{"productId":"prod-kettle","quantity":1}],
 "payment":{"method":"pm_card_visa"},
 "shippingAddress":{"name":"Ada Lovelace","line1":"12 St James's Square","line2":null,"city":"London","postalCode":"SW1Y 4JH","country":"GB"}}`

type accepted struct {
	OrderID string          `json:"orderId"`
	Status  order.Status    `json:"status"`
	Links   orderview.Links `json:"links"`
}

func (g *gateway) place(header http.Header) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: validBody, header: header})
}

func keyed(key string) http.Header { return http.Header{"Idempotency-Key": {key}} }

func TestAPlacedOrderIsAcceptedCompleteAndPriced(t *testing.T) {
	g := newGateway(t)
	placed := g.place(nil)

	require.Equal(t, http.StatusAccepted, placed.Code, placed.Body.String())
	var body accepted
	placed.into(&body)
	assert.True(t, contract.ValidOrderID(body.OrderID))
	assert.Equal(t, order.Draft, body.Status)
	self := "/v1/orders/" + body.OrderID
	assert.Equal(t, self, placed.Header().Get("Location"))
	assert.Equal(t, orderview.Links{Self: self, Events: self + "/events", Stream: self + "/stream", Cancel: self + "/cancel"}, body.Links)
	assert.Empty(t, placed.Header().Get("Preference-Applied"))

	started := g.temporal.Started()[body.OrderID]
	assert.WithinDuration(t, time.Now(), started.AcceptedAt, time.Minute)
	assert.Empty(t, started.RequestHash)
	started.AcceptedAt = time.Time{}
	assert.Equal(t, contract.PlaceOrderInput{
		OrderID: body.OrderID, CustomerID: "cust-ada", CustomerName: "Ada",
		Items: []contract.Item{
			{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 3, UnitPrice: money.New(4999, "USD")},
			{ProductID: "prod-cup", ProductName: "Cup", Quantity: 1, UnitPrice: money.New(250, "USD")},
		},
		Total:           money.New(3*4999+250, "USD"),
		PaymentMethod:   "pm_card_visa",
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 St James's Square", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"},
		Settings:        deployed,
	}, started)
}

func TestAdminsPlaceForEveryCustomer(t *testing.T) {
	g := newGateway(t)
	for _, scope := range []string{"admin", "admin orders:write"} {
		placed := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.token("importer", scope), body: validBody})
		require.Equal(t, http.StatusAccepted, placed.Code, placed.Body.String())
	}
	refused := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.token("cust-bob", "orders:write ops"), body: validBody})
	assert.Equal(t, []string{"/customerId"}, pointers(refused.problem(problem.Invalid)))
	assert.Len(t, g.temporal.Started(), 2)
}

func TestTheSameKeyAndBodyGiveTheSameAnswer(t *testing.T) {
	g := newGateway(t)
	first := g.place(keyed("k-1"))
	require.Equal(t, http.StatusAccepted, first.Code)

	// Equal is what is asked for, not how it is written.
	again := g.send(request{
		method: http.MethodPost, path: "/v1/orders", token: g.ada(), header: keyed("k-1"),
		body: `{"shippingAddress":{"country":"GB","city":"London","name":"Ada Lovelace","postalCode":"SW1Y 4JH","line1":"12 St James's Square"},
		  "payment":{"method":"pm_card_visa"},"items":[{"quantity":3,"productId":"prod-kettle"},{"productId":"prod-cup","quantity":1}],"customerId":"cust-ada"}`,
	})
	assert.Equal(t, first.Code, again.Code)
	assert.JSONEq(t, first.Body.String(), again.Body.String())
	assert.Equal(t, first.Header().Get("Location"), again.Header().Get("Location"))
	assert.Len(t, g.temporal.Started(), 1)
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	g := newGateway(t)
	require.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	other := strings.Replace(validBody, `"quantity":2`, `"quantity":3`, 1)
	answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: other, header: keyed("k-1")})
	answer.problem(problem.KeyReused)
	assert.Len(t, g.temporal.Started(), 1)
}

func TestKeysOfCustomersAreIndependent(t *testing.T) {
	g := newGateway(t)
	require.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	bobs := g.send(request{
		method: http.MethodPost, path: "/v1/orders", token: g.token("cust-bob", "orders:write"), header: keyed("k-1"),
		body: strings.Replace(validBody, "cust-ada", "cust-bob", 1),
	})
	require.Equal(t, http.StatusAccepted, bobs.Code)
	assert.Len(t, g.temporal.Started(), 2)
}

func TestFiftyEqualRequestsAtOnceMakeOneOrder(t *testing.T) {
	g := newGateway(t)
	bearer := g.ada()
	bodies := make([]string, 50)
	var requests sync.WaitGroup
	for i := range bodies {
		requests.Go(func() {
			answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: bearer, body: validBody, header: keyed("k-1")})
			assert.Equal(t, http.StatusAccepted, answer.Code)
			bodies[i] = answer.Body.String()
		})
	}
	requests.Wait()
	for _, body := range bodies {
		assert.JSONEq(t, bodies[0], body)
	}
	assert.Len(t, g.temporal.Started(), 1)
}

func TestAKeyOutlivesTemporalsRetention(t *testing.T) {
	g := newGateway(t)
	first := g.place(keyed("k-1"))
	var body accepted
	first.into(&body)
	g.orders.add(viewOf(g.temporal.Started()[body.OrderID], order.Shipped, order.SagaCompleted))
	g.temporal.Forget(body.OrderID)

	again := g.place(keyed("k-1"))
	assert.Equal(t, http.StatusAccepted, again.Code)
	assert.JSONEq(t, first.Body.String(), again.Body.String())
	other := strings.Replace(validBody, `"quantity":2`, `"quantity":3`, 1)
	g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: other, header: keyed("k-1")}).problem(problem.KeyReused)
	assert.Empty(t, g.temporal.Started())
}

func TestTheFirstAnswerHoldsWhenTheProductIsGone(t *testing.T) {
	g := newGateway(t)
	first := g.place(keyed("k-1"))
	g.send(request{method: http.MethodPut, path: "/v1/products/prod-kettle", token: g.token("root", "admin"),
		body: `{"productId":"prod-kettle","name":"Kettle","unitPrice":{"amount":1,"currency":"USD"},"discontinued":true}`})

	again := g.place(keyed("k-1"))
	assert.Equal(t, http.StatusAccepted, again.Code)
	assert.JSONEq(t, first.Body.String(), again.Body.String())
	assert.Equal(t, []string{"/items/0/productId"}, pointers(g.place(keyed("k-2")).problem(problem.Invalid)),
		"the change is seen at once by the gateway that it passed through")
}

func TestAnOrderServiceThatIsAwayDoesNotStopPlacing(t *testing.T) {
	g := newGateway(t)
	g.orders.fail(away("order"))
	require.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	require.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	assert.Len(t, g.temporal.Started(), 1)
}

func TestWithoutWhatPlacingNeedsItIsUnavailable(t *testing.T) {
	for name, breakIt := range map[string]func(*gateway){
		"temporal": func(g *gateway) { g.temporal.Change(func(s *orderWorkflows) { s.Down = true }) },
		"catalog":  func(g *gateway) { g.products.err = away("catalog") },
		"customer": func(g *gateway) { g.people.err = away("customer") },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			breakIt(g)
			answer := g.place(nil)
			answer.problem(problem.Unavailable)
			assert.NotEmpty(t, answer.Header().Get("Retry-After"))
			assert.Empty(t, g.temporal.Started())
		})
	}
}

func TestALostAnswerOfTemporalIsNoLostOrder(t *testing.T) {
	g := newGateway(t)
	g.temporal.LoseStarts = 1
	require.Equal(t, http.StatusAccepted, g.place(nil).Code)
	assert.Len(t, g.temporal.Started(), 1)
}

func TestWaitAnswersWithTheOrderThatHasEnded(t *testing.T) {
	g := newGateway(t)
	g.temporal.Update = func(_ context.Context, name string, _ []any) error {
		assert.Equal(t, contract.UpdateAwaitOutcome, name)
		for _, input := range g.temporal.Started() {
			g.orders.add(viewOf(input, order.Shipped, order.SagaCompleted))
		}
		return nil
	}
	answer := g.place(http.Header{"Prefer": {"respond-async, wait=10"}})
	require.Equal(t, http.StatusCreated, answer.Code, answer.Body.String())
	assert.Equal(t, "wait=10", answer.Header().Get("Preference-Applied"))
	var view orderview.View
	answer.into(&view)
	assert.Equal(t, answer.Header().Get("Location"), view.Links.Self)
	assert.Equal(t, order.Shipped, view.Status)
	assert.Equal(t, order.SagaCompleted, view.Saga.State)
	assert.Equal(t, money.New(3*4999+250, "USD"), view.TotalAmount)
}

func TestWaitEndsWithTheWorkflowToo(t *testing.T) {
	g := newGateway(t)
	header := keyed("k-1")
	var body accepted
	g.place(header).into(&body)
	g.orders.add(viewOf(g.temporal.Started()[body.OrderID], order.Cancelled, order.SagaCompensated))
	g.temporal.Close(body.OrderID, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED)

	header.Set("Prefer", "wait=30")
	answer := g.place(header)
	require.Equal(t, http.StatusCreated, answer.Code)
	var view orderview.View
	answer.into(&view)
	assert.Equal(t, order.Cancelled, view.Status)
}

func TestWaitIsNeverAnErrorAfterTheStart(t *testing.T) {
	for name, breakIt := range map[string]func(*gateway){
		"no worker":        func(g *gateway) { g.temporal.NoWorker = true },
		"no order service": func(g *gateway) { g.orders.fail(away("order")) },
		"no end in time": func(g *gateway) {
			g.temporal.Update = func(ctx context.Context, _ string, _ []any) error { <-ctx.Done(); return ctx.Err() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			breakIt(g)
			answer := g.place(http.Header{"Prefer": {"wait=1"}})
			require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
			assert.Equal(t, "wait=1", answer.Header().Get("Preference-Applied"))
			var body accepted
			answer.into(&body)
		})
	}
}

func TestWaitLeavesTheOrderServiceTimeToAnswer(t *testing.T) {
	g := newGateway(t)
	// The end has come, and the read model does not show it in time.
	g.temporal.Update = func(context.Context, string, []any) error {
		for _, input := range g.temporal.Started() {
			g.orders.add(viewOf(input, order.Confirmed, order.SagaRunning))
		}
		return nil
	}
	answer := g.place(http.Header{"Prefer": {"wait=10"}})
	require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
	g.orders.mu.Lock()
	defer g.orders.mu.Unlock()
	require.NotEmpty(t, g.orders.left)
	assert.Less(t, len(g.orders.left), 5, "it is not asked again and again for nothing")
	for _, left := range g.orders.left {
		assert.GreaterOrEqual(t, left, 250*time.Millisecond)
	}
}

func TestPreferencesThatAreNotUnderstoodAreIgnored(t *testing.T) {
	for value, applied := range map[string]string{
		"wait=0": "wait=0", `wait="0"`: "wait=0", "WAIT=0; x=y": "wait=0", "wait=": "", "wait": "", "wait=-1": "", "wait=1.5": "", "wait=x": "", "return=minimal": "",
	} {
		g := newGateway(t)
		answer := g.place(http.Header{"Prefer": {value}})
		assert.Equal(t, http.StatusAccepted, answer.Code, value)
		assert.Equal(t, applied, answer.Header().Get("Preference-Applied"), value)
	}
}

func TestWaitIsAtMostThirtySeconds(t *testing.T) {
	for _, value := range []string{"wait=31", "wait=1000000", "wait=99999999999999999999"} {
		g := newGateway(t)
		g.temporal.Update = func(ctx context.Context, _ string, _ []any) error {
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.LessOrEqual(t, time.Until(deadline), 30*time.Second)
			for _, input := range g.temporal.Started() {
				g.orders.add(viewOf(input, order.Shipped, order.SagaCompleted))
			}
			return nil
		}
		answer := g.place(http.Header{"Prefer": {value}})
		assert.Equal(t, http.StatusCreated, answer.Code)
		assert.Equal(t, "wait=30", answer.Header().Get("Preference-Applied"))
	}
}

// viewOf is the order service's view of a placement.
func viewOf(input contract.PlaceOrderInput, status order.Status, saga order.SagaState) order.View {
	view := order.View{
		OrderID: input.OrderID, CustomerID: input.CustomerID, CustomerName: input.CustomerName,
		TotalAmount: input.Total, Status: status, CreatedAt: input.AcceptedAt, RequestHash: input.RequestHash,
	}
	for _, item := range input.Items {
		view.Items = append(view.Items, order.Item(item))
	}
	if saga != "" {
		view.Saga = &order.Saga{State: saga, Steps: []order.SagaStep{{Name: contract.StepCreateOrder, State: "done"}}}
	}
	return view
}
