// Package inventory is the public face of the inventory service: the JSON
// shapes of its API and a typed client. The service itself lives in internal
// and server.
//
// Stock of a product has three figures. OnHand is what stands on the shelf and
// includes what is reserved; Reserved is promised to orders; Shipped has left.
// At all times initial + adjustments = OnHand + Shipped, and
// 0 <= Reserved <= OnHand. There is no expiry of reservations by time.
package inventory

import (
	"orderflow/internal/fence"
)

// Key names one step of one order; see fence.Key.
type Key = fence.Key

// Line asks for a quantity of one product.
type Line struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// ReserveRequest holds stock for an order, all lines or none. Lines of one
// product are merged.
type ReserveRequest struct {
	Key   Key    `json:"key"`
	Lines []Line `json:"lines"`
}

// Reservation is what an order holds.
type Reservation struct {
	OrderID string `json:"orderId"`
	Lines   []Line `json:"lines"`
}

// ReleaseRequest undoes the reservation that was made under the same key, and
// its commit.
type ReleaseRequest struct {
	Key Key `json:"key"`
}

// CommitRequest takes what the order holds off the shelf, after the carrier
// has accepted it.
type CommitRequest struct {
	Key Key `json:"key"`
}

// Stock is what is known of one product's stock.
type Stock struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Shipped   int64  `json:"shipped"`
}

// StockCount sets what is on hand; the difference is recorded as an
// adjustment.
type StockCount struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
}
