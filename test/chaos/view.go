package chaos

import (
	"context"
	"fmt"
	"net/http"

	"orderflow/workflows/contract"
)

// View is what clients see of an order.
type View struct {
	OrderID    string `json:"orderId"`
	CustomerID string `json:"customerId"`
	Status     string `json:"status"`
	Saga       *struct {
		State contract.SagaState `json:"state"`
	} `json:"saga"`
	found bool
}

// Ended reports whether the order has come to its end.
func (v View) Ended() bool {
	return v.Saga != nil && (v.Saga.State == contract.SagaCompleted || v.Saga.State == contract.SagaCompensated)
}

// Shipped reports whether that end is the good one.
func (v View) Shipped() bool { return v.Ended() && v.Saga.State == contract.SagaCompleted }

// View reads an order; it is not found when there is none. The error is one of
// the connection, or says that the gateway has no answer now.
func (s *System) View(ctx context.Context, client Client, orderID string) (View, error) {
	answer, err := client.Do(ctx, http.MethodGet, "/v1/orders/"+orderID, nil)
	if err != nil {
		return View{}, err
	}
	if answer.Status == http.StatusNotFound {
		return View{}, nil
	}
	if answer.Status != http.StatusOK {
		return View{}, fmt.Errorf("%s is answered %d", answer.Path, answer.Status)
	}
	view := View{found: true}
	return view, answer.Into(&view)
}
