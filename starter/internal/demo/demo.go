package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"orderflow/services/money"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
	"orderflow/workflows/contract"
)

// CustomerID is the customer who orders.
const CustomerID = "cust-ada"

// ErrUnexpected says that an order did not end as the demonstration wants it
// to. The output says which.
var ErrUnexpected = errors.New("the demonstration orders did not end as they should: one shipped, two cancelled")

// Config says how to demonstrate. Admin, Customer, NewKey and Out are
// required.
type Config struct {
	// Admin may write products, customers and stock; Customer may place orders
	// for CustomerID.
	Admin, Customer *gatewayclient.Client
	// NewKey returns an idempotency key that was never used.
	NewKey   func() string
	Out      io.Writer
	Narrator narrate.Narrator
	// FixCommand returns a shell command that gives an order whose card was
	// declined another one. It is shown where the deployment lets such an order
	// wait; nil shows none.
	FixCommand func(orderID string) string
	// Deadline bounds each order and the preparation; 0 means one minute.
	Deadline time.Duration
	Backoff  gatewayclient.Backoff
}

// Run prepares the data, places the three orders one after the other and
// writes what became of each. The error is ErrUnexpected, or what kept an
// order from being placed or followed.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Deadline == 0 {
		cfg.Deadline = time.Minute
	}
	d := demonstration{cfg}
	scarce, err := d.prepare(ctx)
	if err != nil {
		return fmt.Errorf("preparing the demonstration: %w", err)
	}
	asWanted := true
	for i, scene := range scenes(scarce) {
		ok, err := d.play(ctx, i+1, scene)
		if err != nil {
			return fmt.Errorf("demonstration order %d: %w", i+1, err)
		}
		asWanted = asWanted && ok
	}
	if !asWanted {
		return ErrUnexpected
	}
	return nil
}

type demonstration struct {
	cfg Config
}

// scene is one demonstration order and how it should end.
type scene struct {
	title     string
	placement gatewayclient.Placement
	ends      gatewayclient.Status
	// waitsAt is the step at which it waits before its end, where the
	// deployment gives customers time to replace what was refused.
	waitsAt string
}

// asWanted reports whether the order ended as it should, or waits as it may.
func (s scene) asWanted(order gatewayclient.Order) bool {
	if waiting, waits := order.WaitingStep(); waits {
		return waiting.Name == s.waitsAt
	}
	return order.Ended() && order.Status == s.ends
}

// scenes returns the three orders. Scarce is how many samovars can be had.
func scenes(scarce int64) []scene {
	declined := ExampleOrder()
	declined.Payment.Method = "pm_card_chargeDeclined"
	outOfStock := ExampleOrder()
	outOfStock.Items = []gatewayclient.PlacementItem{{ProductID: samovar.ProductID, Quantity: scarce + 1}}
	return []scene{
		{title: "an order that ships", placement: ExampleOrder(), ends: gatewayclient.StatusShipped},
		{
			title: "an order whose card is declined", placement: declined, ends: gatewayclient.StatusCancelled,
			waitsAt: contract.StepChargePayment,
		},
		{title: "an order that is out of stock", placement: outOfStock, ends: gatewayclient.StatusCancelled},
	}
}

// ExampleOrder returns an order that ships when there is stock.
func ExampleOrder() gatewayclient.Placement {
	return gatewayclient.Placement{
		CustomerID: CustomerID,
		Items:      []gatewayclient.PlacementItem{{ProductID: kettle.ProductID, Quantity: 2}},
		Payment:    gatewayclient.PlacementPayment{Method: "pm_card_visa"},
		ShippingAddress: &gatewayclient.Address{
			Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", PostalCode: "N1 9GU", Country: "GB",
		},
	}
}

// play places one order, follows it to where it does not go on by itself, and
// tells its story.
func (d demonstration) play(ctx context.Context, number int, scene scene) (asWanted bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()

	submitted := time.Now()
	placed, err := d.cfg.Customer.Place(ctx, scene.placement, gatewayclient.PlaceOptions{
		IdempotencyKey: d.cfg.NewKey(), Wait: gatewayclient.FirstLook,
	}, d.cfg.Backoff)
	if err != nil {
		return false, err
	}
	order, err := d.cfg.Customer.AwaitRest(ctx, placed, d.cfg.Backoff)
	if err != nil {
		return false, err
	}
	took := time.Since(submitted).Round(time.Millisecond)

	fmt.Fprintf(d.cfg.Out, "Order %d of 3, %s: %s\n", number, scene.title, order.OrderID)
	if err := d.cfg.Narrator.WriteSteps(d.cfg.Out, order); err != nil {
		return false, err
	}
	fmt.Fprintf(d.cfg.Out, "  => %s, %s, after %s\n", narrate.Outcome(order), order.TotalAmount, took)
	if _, waits := order.WaitingStep(); waits && d.cfg.FixCommand != nil {
		fmt.Fprintf(d.cfg.Out, "\n  It waits because ORDERFLOW_FIX_WINDOW is set. Let it go on:\n\n%s\n", d.cfg.FixCommand(order.OrderID))
	}
	fmt.Fprintln(d.cfg.Out)
	return scene.asWanted(order), nil
}

var (
	kettle = gatewayclient.Product{
		ProductID: "prod-kettle", Name: "Whistling kettle", Description: "Stainless steel, 2 litres",
		UnitPrice: money.New(4999, "USD"),
	}
	samovar = gatewayclient.Product{
		ProductID: "prod-samovar", Name: "Brass samovar", Description: "Made to order, seldom in stock",
		UnitPrice: money.New(24900, "USD"),
	}
)
