package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"orderflow/workflows/contract"
)

// claim is all that one purchase was told.
type claim struct {
	Said
	orderID    string // "" until it is known
	body       *Body
	accepted   bool
	turnedDown bool
	unanswered bool // sent, and nobody knows what became of it
	cancels    What // the last that was said of a cancel; "" without one
	operator   bool // an operator has cancelled it
}

// claims gathers the log of promises by purchase.
func claims(said []Said) []*claim {
	byNumber := map[int]*claim{}
	byOrder := map[string]*claim{}
	for _, each := range said {
		c := byNumber[each.Number]
		if each.What == OperatorCancelled {
			if c = byOrder[each.OrderID]; c != nil {
				c.operator = true
			}
			continue
		}
		if c == nil {
			c = &claim{Said: each, body: each.Body}
			byNumber[each.Number] = c
			if each.Key != "" {
				c.orderID = contract.OrderIDForKey(each.Customer, each.Key)
				byOrder[c.orderID] = c
			}
		}
		switch each.What {
		case Accepted:
			c.accepted, c.orderID = true, each.OrderID
			byOrder[c.orderID] = c
		case TurnedDown:
			c.turnedDown = true
		case NoAnswer:
			c.unanswered = true
		case CancelSent, CancelAccepted, CancelTurnedDown:
			c.cancels = each.What
		default:
		}
	}
	return slices.SortedFunc(maps.Values(byNumber), func(a, b *claim) int { return a.Number - b.Number })
}

// AwaitRest waits until every order that was accepted has ended, and returns
// their views. Those that have not by the time ctx ends break their promise.
func (s *System) AwaitRest(ctx context.Context, claimed []*claim, breaches *Breaches) map[string]View {
	views := map[string]View{}
	pending := slices.DeleteFunc(slices.Clone(claimed), func(c *claim) bool { return !c.accepted })
	var failures map[string]error
	for len(pending) > 0 && ctx.Err() == nil {
		var seen map[string]View
		seen, failures = s.viewAll(ctx, pending)
		maps.Copy(views, seen)
		pending = slices.DeleteFunc(pending, func(c *claim) bool { return views[c.orderID].Ended() })
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	for _, c := range pending {
		breaches.Add(endInvariant, c.orderID, "it %s and has not ended, but is %q: %v", c.Kind, views[c.orderID].Status, failures[c.orderID])
	}
	return views
}

// viewAll reads orders as their owners, a few at a time.
func (s *System) viewAll(ctx context.Context, orders []*claim) (views map[string]View, failures map[string]error) {
	views, failures = map[string]View{}, map[string]error{}
	var mu sync.Mutex
	var readers errgroup.Group
	readers.SetLimit(8)
	for _, c := range orders {
		readers.Go(func() error {
			view, err := s.View(ctx, s.Customer(c.Customer), c.orderID)
			if err == nil && !view.found {
				err = errors.New("its owner does not find it")
			}
			mu.Lock()
			defer mu.Unlock()
			if views[c.orderID] = view; err != nil {
				delete(views, c.orderID)
				failures[c.orderID] = err
			}
			return nil
		})
	}
	_ = readers.Wait() // they have no errors
	return views, failures
}

// judgeEnds holds each order's end against what its customer did. An order may
// be undone for a reason only, and what was promised to be cancelled never
// ships.
func judgeEnds(claimed []*claim, views map[string]View, breaches *Breaches) {
	for _, c := range claimed {
		view := views[c.orderID]
		if !c.accepted || !view.Ended() {
			continue
		}
		shipped := view.Shipped()
		switch {
		case shipped && (c.Kind == Declined || c.Kind == Refused || c.Kind == CardNumber):
			breaches.Add(endInvariant, c.orderID, "it %s, and has shipped", c.Kind)
		case shipped && (c.cancels == CancelAccepted || c.operator):
			breaches.Add(endInvariant, c.orderID, "its cancel was accepted, and it has shipped")
		case !shipped && c.cancels == "" && !c.operator && slices.Contains([]Kind{Ships, Holds, Twice, Unkeyed}, c.Kind):
			breaches.Add(endInvariant, c.orderID, "it %s, nobody has cancelled it, and it was undone", c.Kind)
		}
	}
}

// judgeReplays sends a sample of the orders again, with the same body and with
// another one.
func (s *System) judgeReplays(ctx context.Context, claimed []*claim, breaches *Breaches) error {
	for _, c := range claimed {
		if !c.accepted || c.Key == "" || c.Number%11 != 0 {
			continue
		}
		client := s.Customer(c.Customer)
		again, err := client.Patiently(ctx, http.MethodPost, "/v1/orders", c.body, nil, "Idempotency-Key", c.Key)
		if err != nil {
			return fmt.Errorf("sending an order again: %w", err)
		}
		var placed struct{ OrderID string }
		if err := again.Into(&placed); err != nil || !ok(again) || placed.OrderID != c.orderID {
			breaches.Add(idempotencyInvariant, c.orderID, "sent again, it is answered %d: %s", again.Status, again.Body)
		}
		other := *c.body
		other.ShippingAddress.City = "Elsewhere"
		refused, err := client.Patiently(ctx, http.MethodPost, "/v1/orders", other, nil, "Idempotency-Key", c.Key)
		if err != nil {
			return fmt.Errorf("sending another order with a key: %w", err)
		}
		if refused.Status != http.StatusConflict {
			breaches.Add(idempotencyInvariant, c.orderID, "its key with another body is answered %d: %s", refused.Status, refused.Body)
		}
	}
	return nil
}

// judgeStrangers looks for orders that no client has asked for.
func (s *System) judgeStrangers(ctx context.Context, claimed []*claim, breaches *Breaches) error {
	known := map[string]bool{}
	unanswered := 0
	for _, c := range claimed {
		known[c.orderID] = true
		if c.unanswered && c.Key == "" {
			unanswered++ // it may have become an order, under an ID that nobody was told
		}
	}
	var strangers []string
	err := s.auditPages(ctx, orderService, "order_view", func(row json.RawMessage) error {
		var order struct{ OrderID string }
		if err := json.Unmarshal(row, &order); err != nil {
			return err
		}
		if !known[order.OrderID] {
			strangers = append(strangers, order.OrderID)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(strangers) > unanswered {
		breaches.Add(acceptanceInvariant, fmt.Sprint(strangers), "%d orders belong to no client's attempt, of which only %d may", len(strangers), unanswered)
	}
	return nil
}

// auditPages reads all rows of a service's table.
func (s *System) auditPages(ctx context.Context, service, table string, each func(row json.RawMessage) error) error {
	query := url.Values{"table": {table}, "limit": {"1000"}}
	for {
		answer, err := s.Operator.Patiently(ctx, http.MethodGet, "/v1/ops/audit/"+service+"?"+query.Encode(), nil, nil)
		if err != nil {
			return fmt.Errorf("reading %s/%s: %w", service, table, err)
		}
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		if err := answer.Into(&page); err != nil {
			return err
		}
		for _, row := range page.Items {
			if err := each(row); err != nil {
				return fmt.Errorf("reading a row of %s/%s: %w", service, table, err)
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("after", page.Next)
	}
}
