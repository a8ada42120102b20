package bench

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
	"orderflow/test/bench/floor"
	"orderflow/workflows/contract"
)

// orderService is the process whose store grows.
const orderService = "order"

// read is what is asked of a system with so many stored orders.
type read struct {
	what   string
	stored int
}

// The reads.
const (
	readOrder    = "one order"
	readPage     = "a page of a customer's orders"
	readLastPage = "the last page"
	readsEach    = 100
)

// stored grows the order service's store step by step, and measures at each
// step the product as shipped against the floor, which does not grow with it.
func (m measuring) stored(ctx context.Context) error {
	there := 0
	for _, count := range m.settings.Stored {
		began := time.Now()
		if err := m.fill(ctx, there, count); err != nil {
			return fmt.Errorf("storing %d orders: %w", count, err)
		}
		there = count
		m.say("  %d orders are stored (%.1f s)", count, time.Since(began).Seconds())
		sides := []side{m.floor(floorSteps, floor.Steps), m.orders(asShipped, m.GatewayURL())}
		if err := inTurn(m.settings.GrowthRounds, sides, func(_ int, s side) error {
			return m.saturated(ctx, s, storedVariant(count))
		}); err != nil {
			return err
		}
		if err := m.read(ctx, count); err != nil {
			return err
		}
	}
	return nil
}

// fill stores orders past the order service, which is down meanwhile.
func (m measuring) fill(ctx context.Context, first, end int) error {
	bringUp, err := m.Supervisor().KeepDown(orderService) //nolint:contextcheck // ctx bounds the filling, not the life of the service
	if err != nil {
		return err
	}
	defer bringUp()
	if err := ordertest.Fill(ctx, "sqlite:"+filepath.Join(m.DataDir(), orderService+".db"), first, end, storedOrder); err != nil {
		return err
	}
	bringUp()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return m.WaitHealthy(ctx)
}

func storedOrder(number int) order.Placement {
	item := func(number int, quantity int64) order.Item {
		return order.Item{
			ProductID: productID(number), ProductName: "Product " + productID(number),
			Quantity: quantity, UnitPrice: money.New(100, "USD"),
		}
	}
	return order.Placement{
		OrderID: storedID(number), CustomerID: customerID(number), CustomerName: "Customer " + customerID(number),
		Items: []order.Item{item(number, 1), item(number+1, 2)}, Total: money.New(300, "USD"),
		RequestHash: fmt.Sprintf("%064x", number), AcceptedAt: time.Date(2026, 1, 1, 0, 0, number, 0, time.UTC),
	}
}

func storedID(number int) string {
	return contract.OrderIDForKey(customerID(number), fmt.Sprintf("stored-%d", number))
}

// read asks the gateway for stored orders, one question after the other.
func (m measuring) read(ctx context.Context, stored int) error {
	const limit = 10
	lastPage := max(1, stored/customers/limit)
	for number := range readsEach {
		customer := number % customers
		for what, path := range map[string]string{
			readOrder:    "/v1/orders/" + storedID(number*7919%stored),
			readPage:     "/v1/customers/" + customerID(customer) + "/orders?status=shipped",
			readLastPage: fmt.Sprintf("/v1/customers/%s/orders?page=%d&limit=%d", customerID(customer), lastPage, limit),
		} {
			began := time.Now()
			if _, err := m.shop.send(ctx, http.MethodGet, m.GatewayURL()+path, m.shop.operator, "", nil); err != nil {
				return err
			}
			asked := read{what: what, stored: stored}
			m.report.reads[asked] = append(m.report.reads[asked], time.Since(began))
		}
	}
	return nil
}
