package workflows

import (
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// The activities by their structs. The values are nil: the worker that runs
// an activity brings its own.
var (
	orders        *activities.Orders
	stock         *activities.Inventory
	payments      *activities.Payment
	carrier       *activities.Shipping
	notifications *activities.Notification
)

// PlaceOrder takes an accepted order to one of its two ends: shipped, or
// undone completely.
//
// Each step's compensation is deferred before the step runs, because a step
// that timed out may have happened. The deferred code acts only when err, the
// named result, is an error: Temporal also runs deferred functions when it
// evicts a workflow from its cache, and then err is nil.
//
// It returns a result when the order has shipped; an application error of type
// contract.ErrorSagaFailed when the order was undone; and a canceled error when
// it was undone because somebody cancelled it.
func PlaceOrder(ctx workflow.Context, in contract.PlaceOrderInput) (result contract.PlaceOrderResult, err error) {
	saga, err := newSaga(ctx, in)
	if err != nil {
		return result, err
	}
	defer func() { err = saga.closeWorkflow(err) }()

	defer saga.compensateLast(&err, contract.StepCreateOrder, orders.CancelOrder, cancelOrder)
	if err = saga.do(contract.StepCreateOrder, orders.CreateOrder, createOrder, nil); err != nil {
		return result, err
	}

	defer saga.compensate(&err, contract.StepReserveInventory, stock.ReleaseInventory, releaseInventory)
	if err = saga.do(contract.StepReserveInventory, stock.ReserveInventory, reserveInventory, nil); err != nil {
		return result, err
	}

	defer saga.compensate(&err, contract.StepChargePayment, payments.RefundPayment, refundPayment)
	if err = saga.do(contract.StepChargePayment, payments.ChargePayment, chargePayment, nil); err != nil {
		return result, err
	}

	// Undone by CancelOrder.
	if err = saga.do(contract.StepConfirmOrder, orders.ConfirmOrder, confirmOrder, nil); err != nil {
		return result, err
	}

	var shipment shipping.Shipment
	defer saga.compensate(&err, contract.StepShipOrder, carrier.CancelShipment, cancelShipment)
	if err = saga.do(contract.StepShipOrder, carrier.ShipOrder, shipOrder, &shipment); err != nil {
		return result, err
	}

	// The carrier has accepted: the point of no return. From here the only
	// way is forward.
	saga.passPointOfNoReturn(shipment)
	saga.mustDo(contract.StepCommitInventory, stock.CommitInventory, commitInventory)
	saga.mustDo(contract.StepCompleteOrder, orders.CompleteOrder, completeOrder)
	saga.settle(contract.SagaCompleted)

	return contract.PlaceOrderResult{
		OrderID:          in.OrderID,
		TrackingNumber:   shipment.TrackingNumber,
		Carrier:          shipment.Carrier,
		CustomerNotified: saga.notify(orderShipped),
	}, nil
}
