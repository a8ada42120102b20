package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
)

// connectTimeout is for how long a command looks for a gateway that is not
// there.
const connectTimeout = 10 * time.Second

// maxOrderFile is the largest body that the gateway takes.
const maxOrderFile = 1 << 20

type placeCommand struct {
	Customer string          `default:"cust-ada" placeholder:"ID" help:"Who orders."`
	Item     []string        `placeholder:"PRODUCT=QUANTITY" help:"What is ordered; may be given several times. Without a quantity it is 1."`
	Method   string          `default:"pm_card_visa" help:"Payment method, by the provider's name."`
	Ship     shippingAddress `embed:"" prefix:"ship-"`
	File     string          `placeholder:"FILE" help:"JSON file with the whole order, - for standard input; the flags above do not count then. A reference in it is the key."`
	Key      string          `help:"Idempotency key: placing again with the same key and order gives the same order. Made up when absent."`
	Wait     time.Duration   `default:"30s" help:"How long to wait for the order's end, or until somebody has to act; 0 does not wait."`
}

// shippingAddress is where the parcel goes. Its defaults are for development.
type shippingAddress struct {
	Name       string `default:"Ada Lovelace" help:"Name of the receiver."`
	Line1      string `name:"line1" default:"12 Analytical Row" help:"Street and house."`
	Line2      string `name:"line2" help:"More of the address."`
	City       string `default:"London" help:"City."`
	Region     string `help:"Region or state."`
	PostalCode string `default:"N1 9GU" help:"Postal code; 00000 is refused by the simulated carrier."`
	Country    string `default:"GB" help:"Country."`
}

// Run places the order and says what came of it.
func (c *placeCommand) Run(ctx context.Context, s *session) error {
	placement, key, err := c.order(s.stdin)
	if err != nil {
		return err
	}
	gateway, err := s.gateway(placement.CustomerID, customerScope, 0)
	if err != nil {
		return err
	}
	defer gateway.Close()

	began := time.Now()
	placing, cancelPlacing := context.WithTimeout(ctx, connectTimeout+c.Wait)
	defer cancelPlacing()
	placed, err := gateway.Place(placing, placement, gatewayclient.PlaceOptions{IdempotencyKey: key, Wait: min(c.Wait, gatewayclient.FirstLook)}, s.backoff)
	if err != nil {
		return notPlaced(err, key)
	}
	fmt.Fprintf(s.stdout, "Order %s\n", placed.OrderID)
	if c.Wait == 0 {
		fmt.Fprintf(s.stdout, "accepted; follow it with: go run ./starter watch %s\n", placed.OrderID)
		return nil
	}
	awaiting, cancelAwaiting := context.WithTimeout(ctx, c.Wait-time.Since(began))
	defer cancelAwaiting()
	order, err := gateway.AwaitRest(awaiting, placed, s.backoff)
	var notEnded *gatewayclient.NotEndedError
	if errors.As(err, &notEnded) && ctx.Err() == nil {
		fmt.Fprintf(s.stdout, "accepted, not at its end after %s; follow it with: go run ./starter watch %s\n", c.Wait, placed.OrderID)
		return nil
	}
	if err != nil {
		return err
	}
	return s.tell(order, time.Since(began))
}

// tell writes an order's story. The error is silent and gives the exit code.
func (s *session) tell(order gatewayclient.Order, took time.Duration) error {
	if err := s.narrator().WriteSteps(s.stdout, order); err != nil {
		return err
	}
	fmt.Fprintf(s.stdout, "Total %s\n%s, after %s\n", order.TotalAmount, narrate.Outcome(order), took.Round(time.Millisecond))
	if order.Status == gatewayclient.StatusShipped {
		fmt.Fprintf(s.stdout, "%s tracks it as %s\n", order.Carrier, order.TrackingNumber)
		return nil
	}
	if step, waits := order.WaitingStep(); waits {
		fmt.Fprintf(s.stdout, "fix it with POST /v1/orders/%s/fix (%s was refused), then follow it with: go run ./starter watch %s\n",
			order.OrderID, step.Name, order.OrderID)
	}
	return silently(exitNotAsWished)
}

// notPlaced adds how to find out whether the order exists all the same.
func notPlaced(err error, key string) error {
	if gatewayclient.Refused(err) {
		return fmt.Errorf("the order is refused: %w", err)
	}
	return fmt.Errorf("%w; to go on without ordering twice, place it again with --key %s", err, key)
}

func (c *placeCommand) order(stdin io.Reader) (placement gatewayclient.Placement, key string, err error) {
	if c.File != "" {
		placement, key, err = c.orderFromFile(stdin)
	} else {
		placement, err = c.orderFromFlags()
	}
	if c.Key != "" {
		key = c.Key
	}
	if key == "" {
		key = uuid.NewString()
	}
	return placement, key, err
}

func (c *placeCommand) orderFromFile(stdin io.Reader) (gatewayclient.Placement, string, error) {
	if len(c.Item) > 0 {
		return gatewayclient.Placement{}, "", usage("--file has the whole order: leave --item away")
	}
	file := stdin
	if c.File != "-" {
		opened, err := os.Open(c.File)
		if err != nil {
			return gatewayclient.Placement{}, "", usage("%v", err)
		}
		defer func() { _ = opened.Close() }()
		file = opened
	}
	text, err := io.ReadAll(io.LimitReader(file, maxOrderFile+1))
	if err != nil {
		return gatewayclient.Placement{}, "", fmt.Errorf("reading the order: %w", err)
	}
	if len(text) > maxOrderFile {
		return gatewayclient.Placement{}, "", usage("%s is longer than %d bytes", c.File, maxOrderFile)
	}
	order, err := dataset.DecodeOrder(text)
	if err != nil {
		return gatewayclient.Placement{}, "", usage("%s: %v", c.File, err)
	}
	if order.CustomerID == "" {
		return gatewayclient.Placement{}, "", usage("%s: /customerId is required", c.File)
	}
	return order.Placement(), order.Reference, nil
}

func (c *placeCommand) orderFromFlags() (gatewayclient.Placement, error) {
	if len(c.Item) == 0 {
		return gatewayclient.Placement{}, usage("nothing is ordered: give --item PRODUCT=QUANTITY or --file FILE")
	}
	address := gatewayclient.Address(c.Ship)
	placement := gatewayclient.Placement{
		CustomerID:      c.Customer,
		Payment:         gatewayclient.PlacementPayment{Method: c.Method},
		ShippingAddress: &address,
	}
	for _, text := range c.Item {
		product, quantityText, hasQuantity := strings.Cut(text, "=")
		quantity := int64(1)
		if hasQuantity {
			var err error
			if quantity, err = strconv.ParseInt(quantityText, 10, 64); err != nil {
				return gatewayclient.Placement{}, usage("--item %s: the quantity is no whole number", text)
			}
		}
		if product == "" {
			return gatewayclient.Placement{}, usage("--item %s: the product is missing", text)
		}
		placement.Items = append(placement.Items, gatewayclient.PlacementItem{ProductID: product, Quantity: quantity})
	}
	return placement, nil
}
