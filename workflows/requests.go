package workflows

import (
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// firstRevision of a step. It rises when a fix is accepted.
const firstRevision = 1

// key names a step's effect at its service. Action and compensation share it.
func key(s *saga, step string, revision int) order.Key {
	return order.Key{OrderID: s.in.OrderID, Step: step, Revision: revision}
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

func createOrder(s *saga, revision int) any {
	return order.CreateRequest{Key: key(s, contract.StepCreateOrder, revision), Placement: placement(s.in)}
}

func cancelOrder(s *saga, revision int) any {
	request := order.CancelRequest{
		Key:       key(s, contract.StepCreateOrder, revision),
		Reason:    s.reason(),
		Saga:      s.progress.outcome(contract.SagaCompensated),
		Placement: placement(s.in),
	}
	if s.cancellation != nil {
		request.Operator = s.cancellation.RequestedBy
	}
	return request
}

func confirmOrder(s *saga, revision int) any {
	return order.ConfirmRequest{Key: key(s, contract.StepConfirmOrder, revision)}
}

func completeOrder(s *saga, revision int) any {
	return order.ShipRequest{
		Key:            key(s, contract.StepCompleteOrder, revision),
		TrackingNumber: s.shipment.TrackingNumber,
		Carrier:        s.shipment.Carrier,
		Saga:           s.progress.outcome(contract.SagaCompleted),
	}
}

func reserveInventory(s *saga, revision int) any {
	lines := make([]inventory.Line, len(s.in.Items))
	for i, item := range s.in.Items {
		lines[i] = inventory.Line{ProductID: item.ProductID, Quantity: item.Quantity}
	}
	return inventory.ReserveRequest{Key: key(s, contract.StepReserveInventory, revision), Lines: lines}
}

func releaseInventory(s *saga, revision int) any {
	return inventory.ReleaseRequest{Key: key(s, contract.StepReserveInventory, revision)}
}

func commitInventory(s *saga, revision int) any {
	return inventory.CommitRequest{Key: key(s, contract.StepCommitInventory, revision)}
}

func chargePayment(s *saga, revision int) any {
	return payment.ChargeRequest{
		Key:        key(s, contract.StepChargePayment, revision),
		CustomerID: s.in.CustomerID,
		Amount:     s.in.Total,
		Method:     s.in.PaymentMethod,
	}
}

func refundPayment(s *saga, revision int) any {
	return payment.RefundRequest{Key: key(s, contract.StepChargePayment, revision), Reason: s.reason()}
}

func shipOrder(s *saga, revision int) any {
	parcels := make([]shipping.Parcel, len(s.in.Items))
	for i, item := range s.in.Items {
		parcels[i] = shipping.Parcel{ProductID: item.ProductID, Quantity: item.Quantity}
	}
	return shipping.ShipRequest{
		Key:     key(s, contract.StepShipOrder, revision),
		Address: shipping.Address(s.in.ShippingAddress),
		Parcels: parcels,
	}
}

func cancelShipment(s *saga, revision int) any {
	return shipping.CancelRequest{Key: key(s, contract.StepShipOrder, revision), Reason: s.reason()}
}

func orderShipped(s *saga, revision int) any {
	return notification.NotifyRequest{
		Key:            key(s, contract.StepNotifyCustomer, revision),
		CustomerID:     s.in.CustomerID,
		Template:       notification.OrderShipped,
		TrackingNumber: s.shipment.TrackingNumber,
	}
}

// orderUndone promises the money back unless an operator has given the refund
// up.
func orderUndone(s *saga, revision int) any {
	template := notification.OrderUndone
	if charge := s.progress.step(contract.StepChargePayment); charge.Compensation != nil && charge.Compensation.State == contract.StepSkipped {
		template = notification.OrderUndoneUnrefunded
	}
	return notification.NotifyRequest{
		Key:        key(s, contract.StepNotifyCustomer, revision),
		CustomerID: s.in.CustomerID,
		Template:   template,
		Reason:     s.reason(),
	}
}
