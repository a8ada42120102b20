package main

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/token"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
	"orderflow/services/payment"
	"orderflow/services/payment/paymenttest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/shippingtest"
	"orderflow/workflows/contract"
)

// BenchmarkReadOfAnOrder reads one shipped order from the order service's read
// model, and through the whole gateway, in turn, so that whatever else the
// machine does slows both. All of them are real and in this process, on SQLite.
// The gateway also asks payment and shipping, checks the token and counts the
// request.
//
// It reports medians and 99th percentiles in microseconds, of single reads for
// each side, the ratios of the gateway's to the read model's, and the ratio of
// what both deliver in a second with eight readers at once.
func BenchmarkReadOfAnOrder(b *testing.B) {
	keysDir := filepath.Join(b.TempDir(), "keys")
	orders, payments, shipments := ordertest.Start(b), paymenttest.Start(b), shippingtest.Start(b)
	orderID := shippedOrder(b, orders, payments, shipments)
	address := func(url string) string { return strings.TrimPrefix(url, "http://") }
	gateway := servePlain(b, map[string]string{
		"ORDERFLOW_KEYS_DIR": keysDir, "ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1", "ORDERFLOW_LOOKUP_KIND": "static",
		"ORDERFLOW_LOOKUP_STATIC": fmt.Sprintf("order=%s;payment=%s;shipping=%s", address(orders.URL), address(payments.URL), address(shipments.URL)),
		"ORDERFLOW_RATE_LIMIT":    "1000000", "ORDERFLOW_RATE_BURST": "1000000",
	})
	keys, _, err := token.OpenKeys(keysDir)
	require.NoError(b, err)
	credential, err := keys.Issue("cust-ada", token.OrdersRead, time.Hour, time.Now())
	require.NoError(b, err)

	const readers = 8
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}}
	defer client.CloseIdleConnections()
	directly := &reading{client: client, url: orders.URL + "/v1/orders/" + orderID}
	through := &reading{client: client, url: gateway + "/v1/orders/" + orderID, credential: credential}
	sides := []*reading{directly, through}
	for _, side := range sides { // connections, caches
		side.together(b, readers, 20)
		side.alone, side.busy, side.done = nil, 0, 0
	}

	for b.Loop() {
		for _, side := range sides {
			for range 20 {
				side.alone = append(side.alone, side.once(b))
			}
		}
		for _, side := range sides {
			side.together(b, readers, 20)
		}
	}
	median, tail := through.percentile(0.5)/directly.percentile(0.5), through.percentile(0.99)/directly.percentile(0.99)
	b.ReportMetric(directly.percentile(0.5), "direct-p50-µs")
	b.ReportMetric(through.percentile(0.5), "gateway-p50-µs")
	b.ReportMetric(directly.percentile(0.99), "direct-p99-µs")
	b.ReportMetric(through.percentile(0.99), "gateway-p99-µs")
	b.ReportMetric(median, "p50-ratio")
	b.ReportMetric(tail, "p99-ratio")
	b.ReportMetric(through.rate()/directly.rate(), "throughput-ratio")
	b.ReportMetric(through.rate(), "gateway-reads/s")
}

// shippedOrder makes an order that has come to its end at all three services.
func shippedOrder(b *testing.B, orders *ordertest.Service, payments paymenttest.Service, shipments shippingtest.Service) (orderID string) {
	b.Helper()
	ctx := b.Context()
	orderID, err := contract.NewOrderID()
	require.NoError(b, err)
	total := money.New(9998, "USD")
	_, err = orders.Create(ctx, order.CreateRequest{
		Key: order.Key{OrderID: orderID, Step: contract.StepCreateOrder, Revision: 1},
		Placement: order.Placement{
			OrderID: orderID, CustomerID: "cust-ada", CustomerName: "Ada", AcceptedAt: time.Now(), Total: total,
			Items: []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		},
	})
	require.NoError(b, err)
	_, err = payments.Charge(ctx, payment.ChargeRequest{
		Key:        payment.Key{OrderID: orderID, Step: contract.StepChargePayment, Revision: 1},
		CustomerID: "cust-ada", Amount: total, Method: "pm_card_visa",
	})
	require.NoError(b, err)
	_, err = orders.Confirm(ctx, order.ConfirmRequest{Key: order.Key{OrderID: orderID, Step: contract.StepConfirmOrder, Revision: 1}})
	require.NoError(b, err)
	sent, err := shipments.Ship(ctx, shipping.ShipRequest{
		Key:     shipping.Key{OrderID: orderID, Step: contract.StepShipOrder, Revision: 1},
		Address: shipping.Address{Name: "Ada", Line1: "1 Main St", City: "London", PostalCode: "N1", Country: "GB"},
		Parcels: []shipping.Parcel{{ProductID: "prod-kettle", Quantity: 2}},
	})
	require.NoError(b, err)
	_, err = orders.Ship(ctx, order.ShipRequest{
		Key:            order.Key{OrderID: orderID, Step: contract.StepCompleteOrder, Revision: 1},
		TrackingNumber: sent.TrackingNumber, Carrier: sent.Carrier, Saga: order.Saga{State: order.SagaCompleted},
	})
	require.NoError(b, err)
	require.Eventually(b, func() bool {
		view, err := orders.Order(ctx, orderID)
		return err == nil && view.Status == order.Shipped
	}, time.Minute, time.Millisecond)
	return orderID
}

// reading is one side of the comparison.
type reading struct {
	client          *http.Client
	url, credential string

	alone []time.Duration
	// busy is how long many readers at once took, for done reads.
	busy time.Duration
	done int
}

func (r *reading) once(b *testing.B) time.Duration {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, r.url, nil)
	if err != nil {
		b.Error(err)
		return 0
	}
	if r.credential != "" {
		request.Header.Set("Authorization", "Bearer "+r.credential)
	}
	began := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		b.Error(err)
		return 0
	}
	_, err = io.Copy(io.Discard, response.Body)
	took := time.Since(began)
	if _ = response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		b.Errorf("%s: %s, %v", r.url, response.Status, err)
	}
	return took
}

// together has several readers read at once, each so many times.
func (r *reading) together(b *testing.B, readers, each int) {
	var running sync.WaitGroup
	began := time.Now()
	for range readers {
		running.Go(func() {
			for range each {
				r.once(b)
			}
		})
	}
	running.Wait()
	r.busy += time.Since(began)
	r.done += readers * each
}

// percentile is that of single reads, in microseconds.
func (r *reading) percentile(share float64) float64 {
	slices.Sort(r.alone)
	rank := max(int(math.Ceil(share*float64(len(r.alone))))-1, 0)
	return float64(r.alone[rank].Nanoseconds()) / 1000
}

// rate is how many reads a second many readers get.
func (r *reading) rate() float64 { return float64(r.done) / r.busy.Seconds() }
