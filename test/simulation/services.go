package simulation

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/rpc"
	"orderflow/services/inventory"
	"orderflow/services/inventory/inventorytest"
	"orderflow/services/notification/notificationtest"
	"orderflow/services/order/ordertest"
	"orderflow/services/payment/paymenttest"
	"orderflow/services/shipping/shippingtest"
)

// The services, as clients and audits name them.
const (
	orderService        = "order"
	inventoryService    = "inventory"
	paymentService      = "payment"
	shippingService     = "shipping"
	notificationService = "notification"
)

// Services are the real services that a saga calls, each on a store of its own.
// They live outside the bubble of a simulation: what is called from within it
// goes through Do.
type Services struct {
	Orders        *ordertest.Service
	Inventory     inventorytest.Service
	Payments      paymenttest.Service
	Shipping      shippingtest.Service
	Notifications notificationtest.Service

	mu   sync.Mutex
	jobs chan func()
	done chan struct{}
}

// Boot runs the services until the test ends.
func Boot(t testing.TB) *Services {
	t.Helper()
	folder := memoryFolder(t)
	dsn := func(service string) string { return "sqlite:" + filepath.Join(folder, service+".db") }
	s := &Services{
		Orders:        ordertest.Start(t, ordertest.WithDSN(dsn(orderService))),
		Inventory:     inventorytest.Start(t, inventorytest.WithDSN(dsn(inventoryService))),
		Payments:      paymenttest.Start(t, paymenttest.WithDSN(dsn(paymentService))),
		Shipping:      shippingtest.Start(t, shippingtest.WithDSN(dsn(shippingService))),
		Notifications: notificationtest.Start(t, notificationtest.WithDSN(dsn(notificationService))),
		jobs:          make(chan func()),
		done:          make(chan struct{}),
	}
	go func() {
		for job := range s.jobs {
			job()
			s.done <- struct{}{}
		}
	}()
	t.Cleanup(func() { close(s.jobs) })
	return s
}

// memoryFolder is a folder whose files cost no disk writes, where the machine
// has one. Nothing here asks what survives a power cut.
func memoryFolder(t testing.TB) string {
	t.Helper()
	const memory = "/dev/shm"
	folder, err := os.MkdirTemp(memory, "orderflow-simulation-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	return folder
}

// Do runs a job outside the bubble and waits for it. Time stands still in the
// bubble meanwhile: waiting for a channel from outside is not idleness.
func (s *Services) Do(job func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs <- job
	<-s.done
}

// caller is the way of the product to a service.
func (s *Services) caller(service string) rpc.Caller {
	return map[string]rpc.Caller{
		orderService:        s.Orders.Caller,
		inventoryService:    s.Inventory.Caller,
		paymentService:      s.Payments.Caller,
		shippingService:     s.Shipping.Caller,
		notificationService: s.Notifications.Caller,
	}[service]
}

// Stock puts a quantity of a product on the shelf.
func (s *Services) Stock(t testing.TB, productID string, onHand int64) {
	t.Helper()
	_, err := s.Inventory.SetOnHand(context.Background(), inventory.StockCount{ProductID: productID, OnHand: onHand})
	require.NoError(t, err)
}

// FenceRow is what a service's fence keeps of one key.
type FenceRow struct {
	Step          string    `json:"step"`
	Revision      int       `json:"revision"`
	State         string    `json:"state"`
	TriedAt       time.Time `json:"triedAt"`
	CompensatedAt time.Time `json:"compensatedAt"`
}

// Fences returns the fence rows of an order, in the order of the saga's
// services.
func (s *Services) Fences(t testing.TB, orderID string) []FenceRow {
	t.Helper()
	var rows []FenceRow
	for _, service := range []string{orderService, inventoryService, paymentService, shippingService, notificationService} {
		var page struct {
			Items []FenceRow `json:"items"`
		}
		path := "/v1/audit/fence?" + url.Values{"order": {orderID}}.Encode()
		require.NoError(t, s.caller(service).Call(context.Background(), http.MethodGet, path, nil, &page))
		rows = append(rows, page.Items...)
	}
	return rows
}

// deliver makes the call that the network has let through, and returns the
// answer's body if it is wanted. The context must not end by anything in the
// bubble.
func (s *Services) deliver(ctx context.Context, call *Call) (body json.RawMessage, err error) {
	s.Do(func() {
		var out any
		if call.wantsAnswer {
			out = &body
		}
		err = s.caller(call.service).Call(ctx, call.method, call.path, call.In, out)
	})
	return body, err
}
