package verify_test

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/inventory"
	"orderflow/services/money"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// story is one order's way through the services, as the saga takes it.
type story struct {
	orderID, customerID string
	keyed               bool
	product             string
	quantity            int64
	method, postalCode  string
	// stopAfter leaves the order in flight after that step.
	stopAfter string
	// lost is an order whose creation never came to the order service.
	lost bool
	// revisions are those of the steps that were fixed.
	revisions map[string]int
	// agreed is given back, by agreement with the customer, once it is paid.
	agreed int64
}

const price = 250

func (story story) placement() order.Placement {
	placement := order.Placement{
		OrderID: story.orderID, CustomerID: story.customerID, CustomerName: "Ada Lovelace",
		Items: []order.Item{{
			ProductID: story.product, ProductName: "Cup", Quantity: story.quantity, UnitPrice: money.New(price, "USD"),
		}},
		Total:      money.New(price*story.quantity, "USD"),
		AcceptedAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	if story.keyed {
		placement.RequestHash = "hash-of-" + story.orderID
	}
	return placement
}

func (story story) key(step string) order.Key {
	return order.Key{OrderID: story.orderID, Step: step, Revision: max(1, story.revisions[step])}
}

// play takes the order forward, and back again when a step refuses.
func (s *system) play(ctx context.Context, story story) error {
	done, err := s.forward(ctx, story)
	switch problem.CodeOf(err) {
	case "":
		return nil
	case problem.OutOfStock, problem.PaymentDeclined, problem.ShipmentRefused, problem.Conflict:
		return s.undo(ctx, story, done, err.Error())
	default:
		return err
	}
}

// forward returns the steps that were tried.
func (s *system) forward(ctx context.Context, story story) (tried []string, err error) {
	var shipment shipping.Shipment
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{contract.StepCreateOrder, func() error {
			if story.lost {
				return problem.New(problem.Conflict, "lost")
			}
			_, err := s.orders.Create(ctx, order.CreateRequest{Key: story.key(contract.StepCreateOrder), Placement: story.placement()})
			return err
		}},
		{contract.StepReserveInventory, func() error {
			_, err := s.inventory.Reserve(ctx, inventory.ReserveRequest{
				Key:   story.key(contract.StepReserveInventory),
				Lines: []inventory.Line{{ProductID: story.product, Quantity: story.quantity}},
			})
			return err
		}},
		{contract.StepChargePayment, func() error {
			_, err := s.payments.Charge(ctx, payment.ChargeRequest{
				Key: story.key(contract.StepChargePayment), CustomerID: story.customerID,
				Amount: story.placement().Total, Method: story.method,
			})
			return err
		}},
		{agreedStep, func() error {
			if story.agreed == 0 {
				return nil
			}
			_, err := s.payments.RefundAgreed(ctx, story.agreedRefund(1, story.agreed))
			return err
		}},
		{contract.StepConfirmOrder, func() error {
			_, err := s.orders.Confirm(ctx, order.ConfirmRequest{Key: story.key(contract.StepConfirmOrder)})
			return err
		}},
		{contract.StepShipOrder, func() (err error) {
			shipment, err = s.shipping.Ship(ctx, shipping.ShipRequest{
				Key:     story.key(contract.StepShipOrder),
				Address: shipping.Address{Name: "Ada", Line1: "12 Analytical Row", City: "London", PostalCode: story.postalCode, Country: "GB"},
				Parcels: []shipping.Parcel{{ProductID: story.product, Quantity: story.quantity}},
			})
			return err
		}},
		{contract.StepCommitInventory, func() error {
			return s.inventory.Commit(ctx, inventory.CommitRequest{Key: story.key(contract.StepCommitInventory)})
		}},
		{contract.StepCompleteOrder, func() error {
			_, err := s.orders.Ship(ctx, order.ShipRequest{
				Key: story.key(contract.StepCompleteOrder), TrackingNumber: shipment.TrackingNumber, Carrier: shipment.Carrier,
				Saga: order.Saga{State: order.SagaCompleted, Steps: steps("done")},
			})
			return err
		}},
		{contract.StepNotifyCustomer, func() error {
			return s.notes.Notify(ctx, notification.NotifyRequest{
				Key: story.key(contract.StepNotifyCustomer), CustomerID: story.customerID,
				Template: notification.OrderShipped, TrackingNumber: shipment.TrackingNumber,
			})
		}},
	} {
		tried = append(tried, step.name)
		if err := step.do(); err != nil || step.name == story.stopAfter {
			return tried, err
		}
	}
	return tried, nil
}

func steps(state string) []order.SagaStep {
	var all []order.SagaStep
	for _, name := range contract.Steps() {
		all = append(all, order.SagaStep{Name: name, State: state})
	}
	return all
}

func (s *system) undo(ctx context.Context, story story, tried []string, reason string) error {
	for i := len(tried) - 1; i >= 0; i-- {
		var err error
		switch tried[i] {
		case contract.StepShipOrder:
			err = s.shipping.Cancel(ctx, shipping.CancelRequest{Key: story.key(tried[i]), Reason: reason})
		case contract.StepChargePayment:
			err = s.payments.Refund(ctx, payment.RefundRequest{Key: story.key(tried[i]), Reason: reason})
		case contract.StepReserveInventory:
			err = s.inventory.Release(ctx, inventory.ReleaseRequest{Key: story.key(tried[i])})
		case contract.StepCreateOrder:
			_, err = s.orders.Cancel(ctx, order.CancelRequest{
				Key: story.key(tried[i]), Reason: reason, Placement: story.placement(),
				Saga: order.Saga{State: order.SagaCompensated, Steps: steps("compensated")},
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// The orders of the history, by what becomes of them.
var (
	happy = story{
		orderID: contract.OrderIDForKey("cust-ada", "happy"), customerID: "cust-ada", keyed: true,
		product: "prod-cup", quantity: 2, method: "pm_card_visa",
	}
	unkeyed = story{
		orderID: "order-019b2c5e-7a52-7c3e-8d5b-0a1b2c3d4e5f", customerID: "cust-ada",
		product: "prod-cup", quantity: 1, method: "pm_card_visa",
	}
	declined = story{
		orderID: contract.OrderIDForKey("cust-ada", "declined"), customerID: "cust-ada", keyed: true,
		product: "prod-cup", quantity: 3, method: "pm_card_chargeDeclined",
	}
	outOfStock = story{
		orderID: contract.OrderIDForKey("cust-bob", "out-of-stock"), customerID: "cust-bob", keyed: true,
		product: "prod-plate", quantity: 1000, method: "pm_card_visa",
	}
	refused = story{
		orderID: contract.OrderIDForKey("cust-bob", "refused"), customerID: "cust-bob", keyed: true,
		product: "prod-plate", quantity: 4, method: "pm_card_visa", postalCode: "00000",
	}
	lost = story{
		orderID: contract.OrderIDForKey("cust-bob", "lost"), customerID: "cust-bob", keyed: true,
		product: "prod-plate", quantity: 1, method: "pm_card_visa", lost: true,
	}
	waiting = story{
		orderID: contract.OrderIDForKey("cust-eve", "waiting"), customerID: "cust-eve", keyed: true,
		product: "prod-plate", quantity: 5, method: "pm_card_visa", stopAfter: contract.StepConfirmOrder,
	}
)

// live plays a small history, and waits until the read model shows it.
func (s *system) live() {
	s.t.Helper()
	s.count("prod-cup", 50)
	s.count("prod-plate", 20)
	s.count("prod-plate", 25)
	for _, story := range []story{happy, unkeyed, declined, outOfStock, refused, lost, waiting} {
		require.NoError(s.t, s.play(s.t.Context(), story))
	}
	s.awaitProjection()
}

func (s *system) count(product string, onHand int64) {
	s.t.Helper()
	_, err := s.inventory.SetOnHand(s.t.Context(), inventory.StockCount{ProductID: product, OnHand: onHand})
	require.NoError(s.t, err)
}
