package workflows

import (
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// firstRevision of a step. It rises only when a fix is accepted.
const firstRevision = 1

// key names a step's effect at its service. Action and compensation share it.
func key(in contract.PlaceOrderInput, step string) order.Key {
	return order.Key{OrderID: in.OrderID, Step: step, Revision: firstRevision}
}

func placement(in contract.PlaceOrderInput) order.Placement {
	items := make([]order.Item, len(in.Items))
	for i, item := range in.Items {
		items[i] = order.Item(item)
	}
	return order.Placement{
		OrderID:      in.OrderID,
		CustomerID:   in.CustomerID,
		CustomerName: in.CustomerName,
		Items:        items,
		Total:        in.Total,
		RequestHash:  in.RequestHash,
		AcceptedAt:   in.AcceptedAt,
	}
}

func createOrder(in contract.PlaceOrderInput) order.CreateRequest {
	return order.CreateRequest{Key: key(in, contract.StepCreateOrder), Placement: placement(in)}
}

func cancelOrder(s *saga, cause error) order.CancelRequest {
	return order.CancelRequest{
		Key:       key(s.in, contract.StepCreateOrder),
		Reason:    s.reason(cause),
		Saga:      s.progress.outcome(contract.SagaCompensated),
		Placement: placement(s.in),
	}
}

func confirmOrder(in contract.PlaceOrderInput) order.ConfirmRequest {
	return order.ConfirmRequest{Key: key(in, contract.StepConfirmOrder)}
}

func completeOrder(s *saga, shipment shipping.Shipment) order.ShipRequest {
	return order.ShipRequest{
		Key:            key(s.in, contract.StepCompleteOrder),
		TrackingNumber: shipment.TrackingNumber,
		Carrier:        shipment.Carrier,
		Saga:           s.progress.outcome(contract.SagaCompleted),
	}
}

func reserveInventory(in contract.PlaceOrderInput) inventory.ReserveRequest {
	lines := make([]inventory.Line, len(in.Items))
	for i, item := range in.Items {
		lines[i] = inventory.Line{ProductID: item.ProductID, Quantity: item.Quantity}
	}
	return inventory.ReserveRequest{Key: key(in, contract.StepReserveInventory), Lines: lines}
}

func releaseInventory(in contract.PlaceOrderInput) inventory.ReleaseRequest {
	return inventory.ReleaseRequest{Key: key(in, contract.StepReserveInventory)}
}

func commitInventory(in contract.PlaceOrderInput) inventory.CommitRequest {
	return inventory.CommitRequest{Key: key(in, contract.StepCommitInventory)}
}

func chargePayment(in contract.PlaceOrderInput) payment.ChargeRequest {
	return payment.ChargeRequest{
		Key:        key(in, contract.StepChargePayment),
		CustomerID: in.CustomerID,
		Amount:     in.Total,
		Method:     in.PaymentMethod,
	}
}

func refundPayment(in contract.PlaceOrderInput, reason string) payment.RefundRequest {
	return payment.RefundRequest{Key: key(in, contract.StepChargePayment), Reason: reason}
}

func shipOrder(in contract.PlaceOrderInput) shipping.ShipRequest {
	parcels := make([]shipping.Parcel, len(in.Items))
	for i, item := range in.Items {
		parcels[i] = shipping.Parcel{ProductID: item.ProductID, Quantity: item.Quantity}
	}
	return shipping.ShipRequest{
		Key:     key(in, contract.StepShipOrder),
		Address: shipping.Address(in.ShippingAddress),
		Parcels: parcels,
	}
}

func cancelShipment(in contract.PlaceOrderInput, reason string) shipping.CancelRequest {
	return shipping.CancelRequest{Key: key(in, contract.StepShipOrder), Reason: reason}
}

func orderShipped(in contract.PlaceOrderInput, shipment shipping.Shipment) notification.NotifyRequest {
	return notification.NotifyRequest{
		Key:            key(in, contract.StepNotifyCustomer),
		CustomerID:     in.CustomerID,
		Template:       notification.OrderShipped,
		TrackingNumber: shipment.TrackingNumber,
	}
}

func orderUndone(in contract.PlaceOrderInput, reason string) notification.NotifyRequest {
	return notification.NotifyRequest{
		Key:        key(in, contract.StepNotifyCustomer),
		CustomerID: in.CustomerID,
		Template:   notification.OrderUndone,
		Reason:     reason,
	}
}
