package e2e_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"orderflow/services/inventory"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// orderView is what a client sees of an order.
type orderView struct {
	OrderID     string       `json:"orderId"`
	Items       []order.Item `json:"items"`
	TotalAmount money.Money  `json:"totalAmount"`
	Status      order.Status `json:"status"`
	Payment     *struct {
		Status   string      `json:"status"`
		Captured money.Money `json:"captured"`
		Refunded money.Money `json:"refunded"`
	} `json:"payment"`
	Shipment *struct {
		Status string `json:"status"`
	} `json:"shipment"`
	Saga order.Saga `json:"saga"`
}

// order reads the order that a reference of the data set became.
func (s *system) order(customer, reference string) orderView {
	var view orderView
	s.get("/v1/orders/"+contract.OrderIDForKey(customer, reference), &view)
	return view
}

// requireBooksBalance checks the promise over all orders of the data set: each
// ended shipped or completely undone, the stock moved by exactly what was
// shipped, and the money is exactly that of the shipped orders.
func (s *system) requireBooksBalance(d dataset, orders []orderView) (shipped int) {
	s.t.Helper()
	left := map[string]int64{}
	for _, o := range orders {
		about := fmt.Sprintf("%s: %s, saga %+v", o.OrderID, o.Status, o.Saga)
		captured, refunded := int64(0), int64(0)
		if o.Payment != nil {
			captured, refunded = o.Payment.Captured.Amount, o.Payment.Refunded.Amount
		}
		switch o.Status {
		case order.Shipped:
			shipped++
			require.Equal(s.t, order.SagaCompleted, o.Saga.State, about)
			require.Equal(s.t, o.TotalAmount.Amount, captured-refunded, about)
			require.NotNil(s.t, o.Shipment, about)
			require.Equal(s.t, "accepted", o.Shipment.Status, about)
			for _, item := range o.Items {
				left[item.ProductID] += item.Quantity
			}
		case order.Cancelled:
			require.Equal(s.t, order.SagaCompensated, o.Saga.State, about)
			require.Zero(s.t, captured-refunded, about)
			if o.Shipment != nil {
				require.Equal(s.t, "cancelled", o.Shipment.Status, about)
			}
		default:
			require.Fail(s.t, "not at its end", about)
		}
	}
	for product, initial := range d.stock {
		var stock inventory.Stock
		s.get("/v1/inventory/"+product, &stock)
		require.Equal(s.t, inventory.Stock{
			ProductID: product, OnHand: initial - left[product], Reserved: 0, Shipped: left[product],
		}, stock, "initially %d", initial)
	}
	return shipped
}
