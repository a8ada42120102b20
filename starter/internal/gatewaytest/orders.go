package gatewaytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/workflows/contract"
)

// order is one order with all views that it ever had, oldest first. The last
// one is its end.
type order struct {
	placement gatewayclient.Placement
	views     []gatewayclient.Order
	reads     int
}

func (o *order) end() gatewayclient.Order { return o.views[len(o.views)-1] }

func (g *Gateway) placeOrder(w http.ResponseWriter, r *http.Request) {
	var placement gatewayclient.Placement
	if !read(w, r, &placement) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	key := r.Header.Get("Idempotency-Key")
	placed, known := g.byKey[placement.CustomerID+"/"+key]
	switch {
	case !known || key == "":
		var refusal *problem.Error
		if placed, refusal = g.newOrder(placement); refusal != nil {
			refuse(w, r, refusal)
			return
		}
		g.byKey[placement.CustomerID+"/"+key] = placed
	case !reflect.DeepEqual(placed.placement, placement):
		refuse(w, r, problem.New(problem.KeyReused, "the key was used with another order"))
		return
	}
	id := placed.end().OrderID
	w.Header().Set("Location", "/v1/orders/"+id)
	waits := strings.HasPrefix(r.Header.Get("Prefer"), "wait=")
	if waits && g.ReadsUntilEnd == 0 && placed.end().Ended() {
		respond(w, http.StatusCreated, placed.end())
		return
	}
	respond(w, http.StatusAccepted, map[string]any{
		"orderId": id, "status": "draft", "links": map[string]string{"self": "/v1/orders/" + id},
	})
}

// newOrder prices the placement and decides how it ends.
func (g *Gateway) newOrder(placement gatewayclient.Placement) (*order, *problem.Error) {
	if _, known := g.customers[placement.CustomerID]; !known {
		return nil, problem.New(problem.Invalid, "unknown").WithField("/customerId", "is unknown")
	}
	var total money.Money
	enough, blocked := true, false
	for i, item := range placement.Items {
		product, known := g.products[item.ProductID]
		if !known {
			return nil, problem.New(problem.Invalid, "unknown").
				WithField(fmt.Sprintf("/items/%d/productId", i), "is unknown")
		}
		line, err := product.UnitPrice.Multiply(item.Quantity)
		if err == nil {
			total, err = total.Add(line)
		}
		if err != nil {
			return nil, problem.New(problem.Invalid, err.Error())
		}
		stock, counted := g.stock[item.ProductID]
		enough = enough && counted && stock.OnHand >= item.Quantity
		blocked = blocked || item.ProductID == g.BlockedProduct
	}
	created := gatewayclient.Order{
		OrderID:     fmt.Sprintf("order-%08d", len(g.orders)+1),
		CustomerID:  placement.CustomerID,
		TotalAmount: total,
		CreatedAt:   g.clock,
	}
	placed := &order{placement: placement, views: history(created, placement, enough, blocked)}
	if waits := &placed.views[len(placed.views)-1]; g.FixWindow && declined(placement) && !waits.Blocked() {
		waits.Status, waits.Saga = gatewayclient.StatusDraft, Waiting(contract.StepChargePayment, cardDeclined)
	}
	if placed.end().Status == gatewayclient.StatusShipped {
		for _, item := range placement.Items {
			g.stock[item.ProductID].OnHand -= item.Quantity
			g.stock[item.ProductID].Shipped += item.Quantity
		}
	}
	g.orders[created.OrderID] = placed
	return placed, nil
}

const cardDeclined = "PaymentDeclined: the card was declined"

func declined(placement gatewayclient.Placement) bool {
	return strings.HasPrefix(placement.Payment.Method, "pm_card_chargeDeclined")
}

// history returns the views of an order from its creation to its end.
func history(created gatewayclient.Order, placement gatewayclient.Placement, enough, blocked bool) []gatewayclient.Order {
	failing, reason := "", ""
	switch {
	case !enough:
		failing, reason = contract.StepReserveInventory, "OutOfStock: not enough stock"
	case declined(placement):
		failing, reason = contract.StepChargePayment, cardDeclined
	case placement.ShippingAddress != nil && placement.ShippingAddress.PostalCode == "00000":
		failing, reason = contract.StepShipOrder, "ShipmentRefused: the address is not served"
	}
	view := func(version int64, status gatewayclient.Status, saga *gatewayclient.Saga) gatewayclient.Order {
		changed := created
		changed.Version, changed.Status, changed.Saga = version, status, saga
		return changed
	}
	views := []gatewayclient.Order{
		view(1, gatewayclient.StatusDraft, Running(contract.StepReserveInventory)),
	}
	switch {
	case blocked:
		return append(views, view(1, gatewayclient.StatusDraft, &gatewayclient.Saga{State: contract.SagaBlocked}))
	case failing != "":
		return append(views, view(2, gatewayclient.StatusCancelled, Compensated(failing, reason)))
	}
	shipped := view(3, gatewayclient.StatusShipped, Completed())
	shipped.Carrier, shipped.TrackingNumber = "Simulated Carrier", "TRACK-1"
	return append(views, view(2, gatewayclient.StatusConfirmed, Running(contract.StepShipOrder)), shipped)
}

func (g *Gateway) getOrder(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	placed, found := g.orders[r.PathValue("id")]
	if !found {
		refuse(w, r, problem.New(problem.NotFound, "no such order"))
		return
	}
	placed.reads++
	if placed.reads <= g.ReadsUntilEnd {
		respond(w, http.StatusOK, placed.views[0])
		return
	}
	respond(w, http.StatusOK, placed.end())
}

func (g *Gateway) streamOrder(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	placed, found := g.orders[r.PathValue("id")]
	g.mu.Unlock()
	if !found {
		refuse(w, r, problem.New(problem.NotFound, "no such order"))
		return
	}
	after, _ := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, ": welcome\n\n")
	sent := 0
	for i, view := range placed.views {
		if view.Version <= after {
			continue
		}
		id := view.Version
		if g.StreamAhead && i == 0 {
			view = placed.views[1]
		}
		if g.StreamBare && !view.Ended() {
			view.Saga = nil
		}
		if g.StreamLength > 0 && sent == g.StreamLength {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		data, err := json.Marshal(view)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(w, "id: %d\nevent: order\ndata: %s\n\n", id, data)
		sent++
	}
}
