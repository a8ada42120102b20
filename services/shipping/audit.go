package shipping

import (
	"context"
	"time"

	"orderflow/internal/audit"
)

// ShipmentRow is a row of the table shipment: what this service knows of one
// shipment, without its address. State is pending, accepted, refused, cancelled
// or void; Cancellation is none, requested or settled.
type ShipmentRow struct {
	Key
	State          string    `json:"state"`
	Cancellation   string    `json:"cancellation"`
	TrackingNumber string    `json:"trackingNumber,omitempty"`
	Carrier        string    `json:"carrier,omitempty"`
	UpdatedAt      time.Time `json:"updatedAt"`
}

// ConsignmentRow is a row of the table carrier_simulator_consignment, which is
// the built-in carrier's and not this service's, without its address.
// IdempotencyKey is the shipment's key as one word, "order/step/revision".
// State is accepted, refused, cancelled or voided.
type ConsignmentRow struct {
	IdempotencyKey string    `json:"idempotencyKey"`
	OrderID        string    `json:"orderId,omitempty"`
	State          string    `json:"state"`
	TrackingNumber string    `json:"trackingNumber,omitempty"`
	CreatedAt      time.Time `json:"createdAt"`
	UpdatedAt      time.Time `json:"updatedAt"`
}

// AuditShipments returns a page of the table shipment.
func (c *Client) AuditShipments(ctx context.Context, query audit.Query) (audit.Page[ShipmentRow], error) {
	return audit.Rows[ShipmentRow](ctx, c.caller, "shipment", query)
}

// AuditConsignments returns a page of the table carrier_simulator_consignment.
func (c *Client) AuditConsignments(ctx context.Context, query audit.Query) (audit.Page[ConsignmentRow], error) {
	return audit.Rows[ConsignmentRow](ctx, c.caller, "carrier_simulator_consignment", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
