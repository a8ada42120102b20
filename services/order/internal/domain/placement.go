package domain

import (
	"slices"
	"time"

	"orderflow/services/money"
	"orderflow/services/order"
)

const (
	maxItems             = 100
	maxRequestHashLength = 200
)

// Placement is everything that an order is made of, checked. Only NewPlacement
// makes one that Create accepts.
type Placement struct {
	content OrderCreated
}

// NewPlacement checks the placement as a whole: IDs and names are well-formed,
// there are 1 to 100 items of positive quantity in one currency, and the total
// is exactly the sum of price × quantity, computed without overflow. Its error
// is an *InvalidError. The time of acceptance is kept in UTC with
// microseconds.
func NewPlacement(p order.Placement) (Placement, error) {
	var v validator
	v.matches("/orderId", p.OrderID, orderIDPattern)
	v.matches("/customerId", p.CustomerID, referencePattern)
	v.line("/customerName", p.CustomerName)
	v.text("/requestHash", p.RequestHash, 0, maxRequestHashLength)
	if p.AcceptedAt.IsZero() {
		v.add("/acceptedAt", "is required")
	}
	if !money.ValidCurrency(p.Total.Currency) {
		v.add("/total/currency", "must be a currency of ISO 4217")
	}
	v.items(p.Items, p.Total.Currency)
	if len(v.violations) == 0 {
		v.total(p.Items, p.Total)
	}
	if err := v.err(); err != nil {
		return Placement{}, err
	}
	return Placement{content: OrderCreated{
		CustomerID:   p.CustomerID,
		CustomerName: p.CustomerName,
		Items:        slices.Clone(p.Items),
		Total:        p.Total,
		RequestHash:  p.RequestHash,
		AcceptedAt:   p.AcceptedAt.UTC().Truncate(time.Microsecond),
	}}, nil
}

func (v *validator) items(items []order.Item, currency string) {
	if len(items) < 1 || len(items) > maxItems {
		v.add("/items", "must have 1 to %d entries", maxItems)
		return
	}
	for i, item := range items {
		at := indexed("/items", i)
		v.matches(at+"/productId", item.ProductID, referencePattern)
		v.line(at+"/productName", item.ProductName)
		if item.Quantity < 1 {
			v.add(at+"/quantity", "must be at least 1")
		}
		if item.UnitPrice.Amount < 0 {
			v.add(at+"/unitPrice/amount", "must not be negative")
		}
		if item.UnitPrice.Currency != currency {
			v.add(at+"/unitPrice/currency", "must be the currency of the total")
		}
	}
}

// total runs only over items that are valid each for itself.
func (v *validator) total(items []order.Item, total money.Money) {
	sum := money.Zero(total.Currency)
	for i, item := range items {
		line, err := item.UnitPrice.Multiply(item.Quantity)
		if err == nil {
			sum, err = sum.Add(line)
		}
		if err != nil {
			v.add(indexed("/items", i)+"/quantity", "makes a total that does not fit in 64 bits")
			return
		}
	}
	if sum != total {
		v.add("/total/amount", "must be the sum of price × quantity, %d", sum.Amount)
	}
}
