package dataset

import (
	"orderflow/starter/internal/gatewayclient"
)

// DefaultPaymentMethod pays for an order that names no payment.
const DefaultPaymentMethod = "pm_card_visa"

// Record is one line: a *Product, a *Customer or an *Order.
type Record interface {
	// Label names the record in messages, such as "product prod-kettle".
	Label() string
}

// Product is a line of the catalogue. UnitPrice counts minor units of
// Currency.
type Product struct {
	ProductID    string `json:"productId"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	UnitPrice    *int64 `json:"unitPrice"`
	Currency     string `json:"currency"`
	Discontinued bool   `json:"discontinued"`
	// Stock is what was on hand, Demand the sum over all orders of the data
	// set; either can become the first stock.
	Stock  *int64 `json:"stock"`
	Demand *int64 `json:"demand"`
}

// Label implements Record.
func (p *Product) Label() string { return "product " + p.ProductID }

// Customer is a line of the customer list.
type Customer struct {
	CustomerID string                 `json:"customerId"`
	Name       string                 `json:"name"`
	Contact    string                 `json:"contact"`
	Phone      string                 `json:"phone"`
	Address    *gatewayclient.Address `json:"address"`
}

// Label implements Record.
func (c *Customer) Label() string { return "customer " + c.CustomerID }

// Order is a line of the order list.
type Order struct {
	// Reference is the idempotency key. A line of a file must have it.
	Reference       string                          `json:"reference"`
	CustomerID      string                          `json:"customerId"`
	Items           []gatewayclient.PlacementItem   `json:"items"`
	Payment         *gatewayclient.PlacementPayment `json:"payment"`
	ShippingAddress *gatewayclient.Address          `json:"shippingAddress"`
	// PlacedAt says when the order was placed in the life that the data comes
	// from. It has no effect.
	PlacedAt string `json:"placedAt"`
	// ExpectedTotal, in minor units of Currency, is compared with the total of
	// the order that was placed; nil means that nothing is expected.
	ExpectedTotal *int64 `json:"expectedTotal"`
	Currency      string `json:"currency"`
}

// Label implements Record.
func (o *Order) Label() string { return "order " + o.Reference }

// Placement returns the body that places the order.
func (o *Order) Placement() gatewayclient.Placement {
	placement := gatewayclient.Placement{
		CustomerID:      o.CustomerID,
		Items:           o.Items,
		Payment:         gatewayclient.PlacementPayment{Method: DefaultPaymentMethod},
		ShippingAddress: o.ShippingAddress,
	}
	if o.Payment != nil {
		placement.Payment = *o.Payment
	}
	return placement
}
