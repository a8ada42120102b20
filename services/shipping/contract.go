// Package shipping is the public face of the shipping service: the JSON shapes
// of its API and a typed client. The service itself lives in internal and
// server; the carrier stands behind a provider port there.
package shipping

import (
	"time"

	"orderflow/internal/fence"
)

// Key names one step of one order; see fence.Key.
type Key = fence.Key

// Address is where a parcel goes.
type Address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country"`
}

// Parcel is one line of what is shipped.
type Parcel struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// ShipRequest hands an order to the carrier.
type ShipRequest struct {
	Key     Key      `json:"key"`
	Address Address  `json:"address"`
	Parcels []Parcel `json:"parcels"`
}

// CancelRequest takes back the shipment that was made under the same key.
type CancelRequest struct {
	Key    Key    `json:"key"`
	Reason string `json:"reason"`
}

// Status is where a shipment stands.
type Status string

// The states of a shipment.
const (
	Accepted  Status = "accepted"
	Cancelled Status = "cancelled"
)

// Shipment is what is known of an order's parcel.
type Shipment struct {
	OrderID        string    `json:"orderId"`
	Status         Status    `json:"status"`
	TrackingNumber string    `json:"trackingNumber"`
	Carrier        string    `json:"carrier"`
	UpdatedAt      time.Time `json:"updatedAt"`
}
