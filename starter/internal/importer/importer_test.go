package importer_test

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/importer"
	"orderflow/workflows/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder is a Progress that keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	notes  []string
	counts importer.Counts
	// onAdvance is called after each line, outside the lock.
	onAdvance func(importer.Counts)
}

func (r *recorder) Advance(counts importer.Counts) {
	r.mu.Lock()
	if counts.Lines > r.counts.Lines {
		r.counts = counts
	}
	r.mu.Unlock()
	if r.onAdvance != nil {
		r.onAdvance(counts)
	}
}

func (r *recorder) Note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, text)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.notes, "\n")
}

func fileOf(lines ...string) []importer.File {
	return []importer.File{{
		Name: "data.jsonl", Content: strings.NewReader(strings.Join(lines, "\n")), Lines: len(lines),
	}}
}

func configFor(t *testing.T, gateway *gatewaytest.Gateway) (importer.Config, *recorder) {
	t.Helper()
	progress := &recorder{}
	return importer.Config{
		Gateway:  gateway.Client(t),
		Progress: progress,
		Backoff:  gatewaytest.Backoff(),
		Deadline: 20 * time.Second,
	}, progress
}

const (
	kettle = `{"productId":"prod-kettle","name":"Kettle","unitPrice":100,"currency":"USD","stock":50,"demand":500}`
	ada    = `{"customerId":"cust-ada","name":"Ada","address":{"line1":"x","city":"y","country":"GB"}}`
)

// orderLine is an order of kettles by Ada; more goes into the object.
func orderLine(reference string, quantity int, more string) string {
	return fmt.Sprintf(`{"reference":%q,"customerId":"cust-ada","items":[{"productId":"prod-kettle","quantity":%d}],`+
		`"shippingAddress":{"name":"Ada","line1":"x","city":"y","country":"GB"}%s}`, reference, quantity, more)
}

func orderLines(count int) []string {
	lines := []string{kettle, ada}
	for i := range count {
		lines = append(lines, orderLine(fmt.Sprintf("ref-%d", i), 1, ""))
	}
	return lines
}

func TestEveryOutcomeIsCounted(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.BlockedProduct = "prod-cursed"
	cfg, progress := configFor(t, gateway)
	cfg.Concurrency = 1

	summary, err := importer.Run(t.Context(), cfg, fileOf(
		kettle, ada,
		`{"productId":"prod-cursed","name":"Cursed kettle","unitPrice":7,"currency":"EUR","stock":5}`,
		`{"productId":"prod-nameless","name":"","unitPrice":7,"currency":"EUR","stock":5}`,
		orderLine("ships", 2, `,"expectedTotal":200,"currency":"USD"`),
		orderLine("declined", 1, `,"payment":{"method":"pm_card_chargeDeclined"}`),
		orderLine("too-many", 1000, ""),
		orderLine("carrier", 1, `,"placedAt":"1996-07-04"`),
		`{"reference":"blocked","customerId":"cust-ada","items":[{"productId":"prod-cursed","quantity":1}]}`,
		`{"reference":"stranger","customerId":"cust-nobody","items":[{"productId":"prod-kettle","quantity":1}]}`,
		`{"reference":"mistyped","customerID":"cust-ada","items":[]}`,
	))
	require.NoError(t, err)

	assert.Equal(t, 11, summary.Lines)
	assert.Equal(t, 1, summary.Malformed)
	assert.Equal(t, importer.WriteCounts{Written: 2, Refused: 1}, summary.Products)
	assert.Equal(t, importer.WriteCounts{Written: 1}, summary.Customers)
	assert.Equal(t, importer.StockCounts{Set: 2}, summary.FirstStock)
	assert.Equal(t, importer.OrderCounts{
		Total: 6, Shipped: 2, Cancelled: 2, Blocked: 1, Refused: 1, PlacedNow: 5,
		CancelledBy: map[string]int{contract.StepChargePayment: 1, contract.StepReserveInventory: 1},
		RefusedBy:   map[string]int{"invalid": 1},
	}, summary.Orders)
	assert.Equal(t, []importer.CurrencyTotals{
		{Currency: "EUR", Orders: big.NewInt(7), Shipped: new(big.Int), Cancelled: new(big.Int)},
		{Currency: "USD", Orders: big.NewInt(100400), Shipped: big.NewInt(300), Cancelled: big.NewInt(100100)},
	}, summary.Totals)
	assert.Equal(t, 4, summary.Latency.Count, "a blocked order has no end to measure")
	assert.False(t, summary.Complete())
	assert.Equal(t, importer.Counts{Lines: 11, Shipped: 2, Cancelled: 2, Failed: 3}, progress.counts)

	notes := progress.text()
	assert.Contains(t, notes, "data.jsonl:4: product prod-nameless is refused: invalid")
	assert.Contains(t, notes, "data.jsonl:9: order blocked is blocked and waits for an operator (order-")
	assert.Contains(t, notes, "data.jsonl:10: order stranger is refused: invalid")
	assert.Contains(t, notes, "data.jsonl:11: /customerID is unknown")
}

// An import does not sit through the time that a customer has for another card.
func TestAnOrderThatWaitsForAFixIsLeftWaiting(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.FixWindow = true
	cfg, progress := configFor(t, gateway)
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada,
		orderLine("ships", 2, ""), orderLine("declined", 1, `,"payment":{"method":"pm_card_chargeDeclined"}`)))
	require.NoError(t, err)
	assert.Equal(t, importer.OrderCounts{
		Total: 2, Shipped: 1, Waiting: 1, PlacedNow: 2, CancelledBy: map[string]int{}, RefusedBy: map[string]int{},
	}, summary.Orders)
	assert.Equal(t, 1, summary.Latency.Count, "a waiting order has no end to measure")
	assert.Equal(t, "0", summary.Totals[0].Cancelled.String())
	assert.False(t, summary.Complete())
	assert.Contains(t, progress.text(), "data.jsonl:4: order declined waits for another payment method, and is undone without one (order-")
}

func TestRefusalsAndCancellationsAreAnswers(t *testing.T) {
	gateway := gatewaytest.New(t)
	cfg, _ := configFor(t, gateway)
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada,
		orderLine("too-many", 1000, ""),
		`{"reference":"stranger","customerId":"cust-nobody","items":[{"productId":"prod-kettle","quantity":1}]}`))
	require.NoError(t, err)
	assert.True(t, summary.Complete())
}

func TestASecondRunPlacesNothingTwice(t *testing.T) {
	gateway := gatewaytest.New(t)
	// The second run begins in the second in which the first one ended.
	gateway.ClockReads = 3
	for round, want := range []importer.OrderCounts{
		{Total: 40, Shipped: 40, PlacedNow: 40},
		{Total: 40, Shipped: 40, AlreadyThere: 40},
	} {
		cfg, _ := configFor(t, gateway)
		summary, err := importer.Run(t.Context(), cfg, fileOf(orderLines(40)...))
		require.NoError(t, err)
		want.CancelledBy, want.RefusedBy = map[string]int{}, map[string]int{}
		assert.Equal(t, want, summary.Orders)
		assert.Equal(t, want.PlacedNow, summary.Latency.Count)
		assert.Equal(t, big.NewInt(4000), summary.Totals[0].Shipped)
		assert.Equal(t, round == 0, summary.FirstStock.Set == 1)
		assert.Equal(t, round == 1, summary.FirstStock.Kept == 1)
	}
	assert.Equal(t, 40, gateway.Orders())
	assert.Equal(t, int64(10), gateway.Stock("prod-kettle").OnHand)
}

func TestAStoppedImportGoesOnWhereItWas(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.ReadsUntilEnd = 2
	cfg, progress := configFor(t, gateway)
	cfg.Concurrency = 4
	ctx, cancel := context.WithCancel(t.Context())
	progress.onAdvance = func(counts importer.Counts) {
		if counts.Shipped == 10 {
			cancel()
		}
	}
	stopped, err := importer.Run(ctx, cfg, fileOf(orderLines(40)...))
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, stopped.Lines, 42)
	assert.False(t, stopped.Complete())
	assert.Empty(t, progress.text(), "nothing is wrong with the lines that were in flight")
	placed := gateway.Orders()
	require.Less(t, placed, 40)

	again, _ := configFor(t, gateway)
	summary, err := importer.Run(t.Context(), again, fileOf(orderLines(40)...))
	require.NoError(t, err)
	assert.True(t, summary.Complete())
	assert.Equal(t, 40, gateway.Orders())
	// An aborted request may still have arrived after the count.
	assert.GreaterOrEqual(t, summary.Orders.AlreadyThere, placed)
	assert.Equal(t, 40, summary.Orders.AlreadyThere+summary.Orders.PlacedNow)
	assert.Positive(t, summary.Orders.PlacedNow)
}

func TestFaultsOfTheGatewayLoseAndDoubleNothing(t *testing.T) {
	busy := problem.New(problem.RateLimited, "slow down")
	away := problem.New(problem.Unavailable, "restarting")
	for name, fault := range map[string]gatewaytest.Fault{
		"too busy":             {Refusal: busy},
		"restarting":           {Refusal: away},
		"internal error":       {Refusal: problem.New(problem.Internal, "")},
		"cut before effect":    {},
		"cut after effect":     {AfterEffect: true},
		"refused after effect": {AfterEffect: true, Refusal: away},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := gatewaytest.New(t)
			gateway.ReadsUntilEnd = 1
			for _, where := range [][2]string{
				{"PUT", "/v1/products/"}, {"PUT", "/v1/inventory/"}, {"PUT", "/v1/customers/"},
				{"POST", "/v1/orders"}, {"GET", "/v1/orders/"}, {"GET", "/healthz"},
			} {
				struck := fault
				struck.Method, struck.Path, struck.Times = where[0], where[1], 3
				gateway.Inject(struck)
				struck.Skip = 20
				gateway.Inject(struck)
			}
			cfg, progress := configFor(t, gateway)
			summary, err := importer.Run(t.Context(), cfg, fileOf(orderLines(40)...))
			require.NoError(t, err)
			assert.True(t, summary.Complete(), progress.text())
			assert.Equal(t, 40, gateway.Orders())
			assert.Equal(t, 40, summary.Orders.Shipped)
			assert.Equal(t, 40, summary.Orders.PlacedNow)
			assert.Equal(t, int64(10), gateway.Stock("prod-kettle").OnHand)
		})
	}
}

func TestALineWithoutAnAnswerIsGivenUpAtItsDeadline(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Refusal: problem.New(problem.Unavailable, "away")})
	cfg, progress := configFor(t, gateway)
	cfg.Deadline = 50 * time.Millisecond
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada, orderLine("lost", 1, "")))
	require.NoError(t, err)
	assert.Equal(t, 1, summary.Orders.Unanswered)
	assert.False(t, summary.Complete())
	assert.Contains(t, progress.text(), "data.jsonl:3: order lost has no answer: unavailable: away")
}

func TestAnOrderThatDoesNotEndIsUnanswered(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.ReadsUntilEnd = 1 << 30
	cfg, progress := configFor(t, gateway)
	cfg.Deadline = 50 * time.Millisecond
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada, orderLine("slow", 1, "")))
	require.NoError(t, err)
	assert.Equal(t, 1, summary.Orders.Unanswered)
	assert.Contains(t, progress.text(), "was accepted and has not come to its end")
}

func TestLinesTakeEffectInTheirOrder(t *testing.T) {
	gateway := gatewaytest.New(t)
	cfg, _ := configFor(t, gateway)
	price := func(minor int) string {
		return fmt.Sprintf(`{"productId":"prod-kettle","name":"Kettle","unitPrice":%d,"currency":"USD","stock":50}`, minor)
	}
	summary, err := importer.Run(t.Context(), cfg, fileOf(
		price(1), price(2), price(100), ada,
		orderLine("a", 1, `,"expectedTotal":100`), orderLine("b", 1, `,"expectedTotal":100`),
		price(200),
		orderLine("c", 1, `,"expectedTotal":200`),
		price(300),
	))
	require.NoError(t, err)
	assert.True(t, summary.Complete(), summary.Mismatches)
	assert.Equal(t, int64(300), gateway.Product("prod-kettle").UnitPrice.Amount)
}

func TestATotalThatIsNotAsExpectedIsListed(t *testing.T) {
	gateway := gatewaytest.New(t)
	cfg, progress := configFor(t, gateway)
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada,
		orderLine("right", 2, `,"expectedTotal":200,"currency":"USD"`),
		orderLine("amount", 2, `,"expectedTotal":199,"currency":"USD"`),
		orderLine("currency", 2, `,"expectedTotal":200,"currency":"EUR"`),
		orderLine("cancelled", 1000, `,"expectedTotal":1`),
	))
	require.NoError(t, err)
	assert.False(t, summary.Complete())
	var references []string
	for _, mismatch := range summary.Mismatches {
		references = append(references, mismatch.Reference)
	}
	assert.Equal(t, []string{"amount", "currency", "cancelled"}, references)
	assert.Contains(t, progress.text(), "data.jsonl:4: order amount: the total is 2.00 USD, expected was 1.99 USD")
}

func TestTwoLinesWithOneReferenceAreOneOrder(t *testing.T) {
	gateway := gatewaytest.New(t)
	cfg, progress := configFor(t, gateway)
	cfg.Concurrency = 1 // the first line wins
	summary, err := importer.Run(t.Context(), cfg, fileOf(kettle, ada,
		orderLine("same", 2, ""), orderLine("same", 2, ""), orderLine("same", 3, "")))
	require.NoError(t, err)
	assert.Equal(t, 1, gateway.Orders())
	assert.Equal(t, 3, summary.Orders.Total)
	assert.Equal(t, 1, summary.Orders.PlacedNow)
	assert.Contains(t, progress.text(), "is refused: key-reused")
	assert.Equal(t, big.NewInt(200), summary.Totals[0].Orders)
}

func TestTheFirstStockIsTheChosenFigureAndStays(t *testing.T) {
	for figure, want := range map[importer.StockFigure]int64{
		"": 50, importer.StockOnHand: 50, importer.StockDemand: 500,
	} {
		gateway := gatewaytest.New(t)
		cfg, _ := configFor(t, gateway)
		cfg.Stock = figure
		_, err := importer.Run(t.Context(), cfg, fileOf(kettle))
		require.NoError(t, err)
		assert.Equal(t, want, gateway.Stock("prod-kettle").OnHand, figure)

		cfg.Stock = importer.StockDemand
		summary, err := importer.Run(t.Context(), cfg, fileOf(kettle,
			`{"productId":"prod-uncounted","name":"x","unitPrice":1,"currency":"USD","stock":7}`))
		require.NoError(t, err)
		assert.Equal(t, importer.StockCounts{Kept: 1}, summary.FirstStock)
		assert.Equal(t, want, gateway.Stock("prod-kettle").OnHand, figure)
	}
}

func TestAsManyLinesAsTheBoundAreInFlight(t *testing.T) {
	const bound = 3
	gateway := gatewaytest.New(t)
	gateway.ReadsUntilEnd = 3
	// The first orders wait for each other.
	var arrived atomic.Int32
	together := make(chan struct{})
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Times: bound, Seen: func() {
		if arrived.Add(1) == bound {
			close(together)
		}
		select {
		case <-together:
		case <-t.Context().Done():
		}
	}})
	cfg, _ := configFor(t, gateway)
	cfg.Concurrency = bound
	summary, err := importer.Run(t.Context(), cfg, fileOf(orderLines(40)...))
	require.NoError(t, err)
	assert.True(t, summary.Complete())
	assert.Equal(t, bound, gateway.MostBusy())
}

func TestARefusedTokenStopsTheImport(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "PUT", Path: "/v1/products/", Refusal: problem.New(problem.Forbidden, "scope admin is missing")})
	cfg, _ := configFor(t, gateway)
	cfg.Concurrency = 1
	_, err := importer.Run(t.Context(), cfg, fileOf(orderLines(40)...))
	require.ErrorContains(t, err, "refuses the token: forbidden: scope admin is missing")
	assert.Zero(t, gateway.Orders())
}

func TestAGatewayThatIsNotThereIsToldBeforeAnythingIsSent(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/healthz"})
	cfg, _ := configFor(t, gateway)
	cfg.ConnectTimeout = 30 * time.Millisecond
	_, err := importer.Run(t.Context(), cfg, fileOf(orderLines(1)...))
	var unreachable *gatewayclient.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	assert.Zero(t, gateway.Requests("PUT"))
}

func TestAnEmptyFileIsNoFailure(t *testing.T) {
	cfg, _ := configFor(t, gatewaytest.New(t))
	summary, err := importer.Run(t.Context(), cfg, fileOf())
	require.NoError(t, err)
	assert.True(t, summary.Complete())
}
