package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/gateway/openapi"
	"orderflow/internal/conditional"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// Placements starts placements, finds them and brings them decisions;
// *placement.Placements does it.
type Placements interface {
	Find(ctx context.Context, orderID string) (placement.Found, error)
	Start(ctx context.Context, input contract.PlaceOrderInput) error
	AwaitOutcome(ctx context.Context, orderID string) error
	Progress(ctx context.Context, orderID string) (contract.Progress, error)
	Send(ctx context.Context, orderID string, message placement.Message) (contract.Progress, error)
	Flagged(ctx context.Context, offset, limit int) (orders []placement.Listed, total int64, err error)
	Stopped(ctx context.Context) ([]placement.Listed, error)
}

// Pricer makes quotes; *pricing.Pricer does it.
type Pricer interface {
	Quote(ctx context.Context, customerID string, lines []pricing.Line) (pricing.Quote, error)
	ForgetProduct(productID string)
	ForgetCustomer(customerID string)
}

// Backlog lets new orders in while not too many wait; *backlog.Shedder does it.
type Backlog interface {
	// Enter reports whether there is room for one that is about to be started.
	// Leave is told whether it was, or may have been.
	Enter() (leave func(started bool), there bool)
	// Refuse is the answer where there is none: problem.Unavailable.
	Refuse() error
}

// Orders is what is asked of the order service; *order.Client does it.
type Orders interface {
	Order(ctx context.Context, orderID string) (order.View, error)
	OrderAt(ctx context.Context, orderID string, at time.Time) (order.View, error)
	Events(ctx context.Context, orderID string) ([]order.Event, error)
	CustomerOrders(ctx context.Context, query order.ListQuery) (order.Page, error)
}

// Changes waits for changes of orders; *order.Client does it. Its calls take
// long: give it a client with a bulkhead of its own.
type Changes interface {
	// OrderAfter returns the view as soon as its version is above the given
	// one, and the unchanged view when that takes longer than wait.
	OrderAfter(ctx context.Context, orderID string, version int64, wait time.Duration) (order.View, error)
}

// Products is what is asked of the catalogue; *catalog.Client does it.
type Products interface {
	Product(ctx context.Context, productID string) (catalog.Product, error)
	Products(ctx context.Context, page, limit int) (catalog.Page, error)
	Put(ctx context.Context, record catalog.Record, condition conditional.Condition) (catalog.Product, error)
}

// Customers is what is asked of the customer service; *customer.Client does it.
type Customers interface {
	Customer(ctx context.Context, customerID string) (customer.Customer, error)
	Put(ctx context.Context, record customer.Record, condition conditional.Condition) (customer.Customer, error)
}

// Inventory is what is asked of the inventory service; *inventory.Client does
// it.
type Inventory interface {
	Stock(ctx context.Context, productID string) (inventory.Stock, error)
	SetOnHand(ctx context.Context, count inventory.StockCount) (inventory.Stock, error)
	SetFirstOnHand(ctx context.Context, count inventory.StockCount) (inventory.Stock, error)
}

// ReadModel is what an operator asks of the order service's read model;
// *order.Client does it.
type ReadModel interface {
	Projection(ctx context.Context) (order.Projection, error)
	RebuildProjection(ctx context.Context) (order.Projection, error)
}

// Dependencies are what the handlers work with. All but the last three are
// needed.
type Dependencies struct {
	// Description says who may use a route, and with which query.
	Description *openapi.Description
	Verifier    auth.Verifier
	Limiter     *ratelimit.Limiter
	// Requests, Streams and Batches bound how much is served at once: the last two
	// last long, and have their own places so that they take none from others.
	Requests, Streams, Batches *edge.Gate
	// StreamShares, BatchShares and WaitShares are how much of what lasts long one
	// principal may have open: streams, batches, and placements whose end is
	// waited for, which take a place of Requests each.
	StreamShares, BatchShares, WaitShares *edge.Shares
	// Batch bounds one batch.
	Batch BatchLimits

	// Backlog sheds placements that the workers could not begin soon.
	Backlog    Backlog
	Placements Placements
	Pricer     Pricer
	Reader     *orderview.Reader
	Orders     Orders
	Changes    Changes
	Products   Products
	Customers  Customers
	Inventory  Inventory
	ReadModel  ReadModel
	Holds      Holds
	Fleet      Fleet
	// Audits are the services whose raw rows an operator may read, by name.
	Audits map[string]Audit
	Log    *zap.Logger

	// Settings travel in the input of every placement.
	Settings contract.Settings
	// WorkflowLink is the address of an order's workflow in the Temporal UI; nil
	// when operators have none.
	WorkflowLink func(orderID string) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// API serves the routes.
type API struct {
	Dependencies
}

// New returns the API on its dependencies.
func New(d Dependencies) *API {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &API{Dependencies: d}
}

// fail answers with the problem that err is.
func fail(c *gin.Context, err error) {
	if c.Request.Context().Err() != nil && problem.CodeOf(err) == problem.Internal {
		// Nobody reads the answer; the log must not call it a defect.
		err = problem.New(problem.Unavailable, "the request was given up").WithCause(err)
	}
	httpserver.Fail(c, err)
}

func notFound() error {
	return problem.New(problem.NotFound, "there is no such thing, or it is not yours")
}
