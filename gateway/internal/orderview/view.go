package orderview

import (
	"time"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
)

// View is the public form of an order.
type View struct {
	OrderID      string       `json:"orderId"`
	CustomerID   string       `json:"customerId"`
	CustomerName string       `json:"customerName"`
	Items        []order.Item `json:"items"`
	TotalAmount  money.Money  `json:"totalAmount"`
	Status       order.Status `json:"status"`
	CreatedAt    time.Time    `json:"createdAt"`
	UpdatedAt    time.Time    `json:"updatedAt"`
	// Version counts the order's events; 0 while it has none.
	Version        int64  `json:"version"`
	TrackingNumber string `json:"trackingNumber,omitempty"`
	Carrier        string `json:"carrier,omitempty"`
	// Reason says why the order was cancelled.
	Reason string `json:"reason,omitempty"`

	// Payment and Shipment are null while there is none.
	Payment  *Payment  `json:"payment"`
	Shipment *Shipment `json:"shipment"`
	// Saga is null only in views of the past.
	Saga *Saga `json:"saga"`
	// Unavailable names the parts that could not be read: order, payment,
	// shipment, saga.
	Unavailable []Part `json:"unavailable,omitempty"`
	Links       Links  `json:"links"`
}

// Part is a part of a View that a service of its own answers for.
type Part string

// The parts of a View.
const (
	PartOrder    Part = "order"
	PartPayment  Part = "payment"
	PartShipment Part = "shipment"
	PartSaga     Part = "saga"
)

// StatusUnavailable stands in place of the status of a payment or shipment
// that could not be read; the other fields are absent then.
const StatusUnavailable = "unavailable"

// Payment is the public form of a payment. Status is one of captured,
// declined, refunding, refunded, unavailable.
type Payment struct {
	Status    payment.Status `json:"status"`
	Captured  money.Money    `json:"captured,omitzero"`
	Refunded  money.Money    `json:"refunded,omitzero"`
	Reference string         `json:"reference,omitempty"`
	Reason    string         `json:"reason,omitempty"`
	UpdatedAt time.Time      `json:"updatedAt,omitzero"`
}

// Shipment is the public form of a shipment. Status is one of accepted,
// cancelled, unavailable.
type Shipment struct {
	Status         shipping.Status `json:"status"`
	TrackingNumber string          `json:"trackingNumber,omitempty"`
	Carrier        string          `json:"carrier,omitempty"`
	UpdatedAt      time.Time       `json:"updatedAt,omitzero"`
}

// Saga is the public form of a saga. Steps is empty when no worker could be
// asked. Hold is there while the order is on hold.
type Saga struct {
	State order.SagaState  `json:"state"`
	Steps []order.SagaStep `json:"steps"`
	Hold  *Hold            `json:"hold,omitempty"`
}

// Hold says since when an order has been stopped and why. By is the subject of
// the token that asked for it, for callers who may know.
type Hold struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
	By     string    `json:"by,omitempty"`
}

// Links are paths that belong to an order.
type Links struct {
	Self   string `json:"self"`
	Events string `json:"events"`
	Stream string `json:"stream"`
	// Cancel is absent when the order has come to its end.
	Cancel string `json:"cancel,omitempty"`
}

// LinksOf returns the links of an order that may still be cancelled.
func LinksOf(orderID string) Links {
	self := "/v1/orders/" + orderID
	return Links{Self: self, Events: self + "/events", Stream: self + "/stream", Cancel: self + "/cancel"}
}

// Final reports whether the order has come to its end, as the order service
// tells it: then order, stock, payment and shipment agree.
func Final(stored order.View) bool { return stored.Saga != nil && stored.Saga.State.Final() }

// Past returns the public form of an order as it was: without payment,
// shipment and progress, whose past nobody keeps, and without the names of
// operators.
func Past(stored order.View) View {
	view := publicForm(stored)
	if view.Saga != nil {
		view.Saga.Steps = withoutResolutions(view.Saga.Steps)
	}
	return view
}

func publicForm(stored order.View) View {
	view := View{
		OrderID:        stored.OrderID,
		CustomerID:     stored.CustomerID,
		CustomerName:   stored.CustomerName,
		Items:          stored.Items,
		TotalAmount:    stored.TotalAmount,
		Status:         stored.Status,
		CreatedAt:      stored.CreatedAt,
		UpdatedAt:      stored.UpdatedAt,
		Version:        stored.Version,
		TrackingNumber: stored.TrackingNumber,
		Carrier:        stored.Carrier,
		Reason:         stored.Reason,
		Links:          LinksOf(stored.OrderID),
	}
	if view.Items == nil {
		view.Items = []order.Item{}
	}
	if stored.Saga != nil {
		view.Saga = &Saga{State: stored.Saga.State, Steps: stored.Saga.Steps}
		if view.Saga.Steps == nil {
			view.Saga.Steps = []order.SagaStep{}
		}
	}
	if Final(stored) {
		view.Links.Cancel = ""
	}
	return view
}

func publicPayment(stored payment.Payment) *Payment {
	return &Payment{
		Status: stored.Status, Captured: stored.Captured, Refunded: stored.Refunded,
		Reference: stored.Reference, Reason: stored.Reason, UpdatedAt: stored.UpdatedAt,
	}
}

func publicShipment(stored shipping.Shipment) *Shipment {
	return &Shipment{
		Status: stored.Status, TrackingNumber: stored.TrackingNumber,
		Carrier: stored.Carrier, UpdatedAt: stored.UpdatedAt,
	}
}
