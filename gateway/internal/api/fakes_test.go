package api_test

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
)

// fakeOrders is the order service in memory.
type fakeOrders struct {
	mu      sync.Mutex
	changed chan struct{}
	err     error
	history map[string][]order.View
	// recorded are events that come after the views'.
	recorded []order.Event
	lists    []order.ListQuery
	upTo     int64 // how many orders there are, when a list is first asked for
	// drains makes a question for changes be answered at once.
	drains bool
	// asked is when each question for changes came.
	asked []time.Time
	// left is what each question for changes leaves of its caller's time.
	left []time.Duration
}

func newFakeOrders() *fakeOrders {
	return &fakeOrders{changed: make(chan struct{}), history: make(map[string][]order.View)}
}

// fail makes the service be away, or come back with nil.
func (f *fakeOrders) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// questions is when each question for changes came.
func (f *fakeOrders) questions() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// add records the next version of an order.
func (f *fakeOrders) add(view order.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	view.Version = int64(len(f.history[view.OrderID]) + 1)
	view.UpdatedAt = eventTime(view.Version)
	f.history[view.OrderID] = append(f.history[view.OrderID], view)
	close(f.changed)
	f.changed = make(chan struct{})
}

func eventTime(version int64) time.Time {
	return time.Date(2026, 11, 23, 12, int(version), 0, 0, time.UTC)
}

func (f *fakeOrders) at(orderID string, match func(order.View) bool) (order.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return order.View{}, f.err
	}
	views := f.history[orderID]
	for i := len(views) - 1; i >= 0; i-- {
		if match(views[i]) {
			return views[i], nil
		}
	}
	return order.View{}, problem.New(problem.NotFound, "no such order")
}

func (f *fakeOrders) Order(ctx context.Context, orderID string) (order.View, error) {
	if ctx.Err() != nil {
		return order.View{}, ctx.Err()
	}
	return f.at(orderID, func(order.View) bool { return true })
}

func (f *fakeOrders) OrderAt(_ context.Context, orderID string, at time.Time) (order.View, error) {
	return f.at(orderID, func(v order.View) bool { return !v.UpdatedAt.After(at) })
}

func (f *fakeOrders) OrderAfter(ctx context.Context, orderID string, version int64, wait time.Duration) (order.View, error) {
	f.mu.Lock()
	f.asked = append(f.asked, time.Now())
	if deadline, bounded := ctx.Deadline(); bounded {
		f.left = append(f.left, time.Until(deadline)-wait)
	}
	if f.drains {
		wait = 0
	}
	f.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		f.mu.Lock()
		changed := f.changed
		f.mu.Unlock()
		view, err := f.Order(ctx, orderID)
		if err == nil && view.Version > version || err != nil && problem.CodeOf(err) != problem.NotFound {
			return view, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return view, err
		case <-ctx.Done():
			return order.View{}, ctx.Err()
		}
	}
}

func (f *fakeOrders) Events(_ context.Context, orderID string) ([]order.Event, error) {
	if _, err := f.at(orderID, func(order.View) bool { return true }); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var events []order.Event
	for _, view := range f.history[orderID] {
		events = append(events, order.Event{
			EventID: "evt", AggregateID: orderID, AggregateType: "Order", EventType: "OrderCreated",
			Version: view.Version, Timestamp: view.UpdatedAt,
			Payload: json.RawMessage(`{"customerId":"cust-ada","requestHash":"secret-hash","total":{"amount":9007199254740993,"currency":"USD"}}`),
		})
	}
	return append(events, f.recorded...), nil
}

func (f *fakeOrders) CustomerOrders(_ context.Context, query order.ListQuery) (order.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists = append(f.lists, query)
	return order.Page{Page: query.Page, Limit: query.Limit, Total: 35, UpTo: cmp.Or(query.UpTo, f.upTo)}, f.err
}

type fakeProducts struct {
	mu       sync.Mutex
	err      error
	products map[string]catalog.Product
	lookups  int
}

func (f *fakeProducts) Lookup(_ context.Context, ids []string) ([]catalog.Product, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lookups++
	var found []catalog.Product
	for _, id := range ids {
		if product, ok := f.products[id]; ok {
			found = append(found, product)
		}
	}
	return found, f.err
}

func (f *fakeProducts) Product(_ context.Context, id string) (catalog.Product, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	product, ok := f.products[id]
	if !ok {
		return product, problem.New(problem.NotFound, "there is no such product")
	}
	return product, f.err
}

func (f *fakeProducts) Products(_ context.Context, page, limit int) (catalog.Page, error) {
	return catalog.Page{Page: page, Limit: limit, Total: 5}, f.err
}

func (f *fakeProducts) Put(_ context.Context, record catalog.Record, condition conditional.Condition) (catalog.Product, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return catalog.Product{}, f.err
	}
	if err := condition.CheckWrite(f.products[record.ProductID].Version); err != nil {
		return catalog.Product{}, err
	}
	stored := catalog.Product{
		ProductID: record.ProductID, Name: record.Name, Description: record.Description, UnitPrice: record.UnitPrice,
		Discontinued: record.Discontinued, Version: f.products[record.ProductID].Version + 1,
	}
	f.products[record.ProductID] = stored
	return stored, nil
}

type fakeCustomers struct {
	mu        sync.Mutex
	err       error
	customers map[string]customer.Customer
}

func (f *fakeCustomers) Customer(_ context.Context, id string) (customer.Customer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.customers[id]
	if !ok {
		return found, problem.New(problem.NotFound, "there is no such customer")
	}
	return found, f.err
}

func (f *fakeCustomers) Put(_ context.Context, record customer.Record, condition conditional.Condition) (customer.Customer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := condition.CheckWrite(f.customers[record.CustomerID].Version); err != nil {
		return customer.Customer{}, err
	}
	stored := customer.Customer{
		CustomerID: record.CustomerID, Name: record.Name, Contact: record.Contact, Phone: record.Phone,
		Address: record.Address, Version: f.customers[record.CustomerID].Version + 1,
	}
	if f.err == nil {
		f.customers[record.CustomerID] = stored
	}
	return stored, f.err
}

type fakeInventory struct {
	err   error
	stock map[string]inventory.Stock
}

func (f *fakeInventory) Stock(_ context.Context, id string) (inventory.Stock, error) {
	found, ok := f.stock[id]
	if !ok {
		return found, problem.New(problem.NotFound, "there is no such stock")
	}
	return found, f.err
}

func (f *fakeInventory) SetOnHand(_ context.Context, count inventory.StockCount) (inventory.Stock, error) {
	stock := f.stock[count.ProductID]
	if count.OnHand < stock.Reserved {
		return stock, problem.New(problem.Conflict, "more is reserved")
	}
	stock.ProductID, stock.OnHand = count.ProductID, count.OnHand
	f.stock[count.ProductID] = stock
	return stock, f.err
}

func (f *fakeInventory) SetFirstOnHand(ctx context.Context, count inventory.StockCount) (inventory.Stock, error) {
	if _, known := f.stock[count.ProductID]; known {
		return inventory.Stock{}, problem.New(problem.Conflict, "there are figures already")
	}
	return f.SetOnHand(ctx, count)
}

type fakePayments struct {
	mu       sync.Mutex
	err      error
	payments map[string]payment.Payment
}

func (f *fakePayments) add(known payment.Payment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payments[known.OrderID] = known
}

func (f *fakePayments) Payment(_ context.Context, id string) (payment.Payment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found, ok := f.payments[id]
	if f.err == nil && !ok {
		return found, problem.New(problem.NotFound, "there is no such payment")
	}
	return found, f.err
}

type fakeShipments struct {
	err       error
	shipments map[string]shipping.Shipment
}

func (f *fakeShipments) Shipment(_ context.Context, id string) (shipping.Shipment, error) {
	found, ok := f.shipments[id]
	if f.err == nil && !ok {
		return found, problem.New(problem.NotFound, "there is no such shipment")
	}
	return found, f.err
}
