package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/token"
	"orderflow/services/order"
)

// GetOrderEvents is GET /v1/orders/{orderId}/events: the order's stream, or with
// asOf the view as it was.
func (a *API) GetOrderEvents(c *gin.Context, orderID string, params openapiserver.GetOrderEventsParams) {
	ctx := c.Request.Context()
	if _, err := a.readable(ctx, orderID); err != nil {
		fail(c, err)
		return
	}
	if params.AsOf != nil {
		stored, err := a.Orders.OrderAt(ctx, orderID, params.AsOf.UTC())
		if problem.CodeOf(err) == problem.NotFound {
			err = problem.New(problem.NotFound, "the order did not exist then")
		}
		if err != nil {
			fail(c, err)
			return
		}
		httpserver.Respond(c, http.StatusOK, orderview.Past(stored))
		return
	}
	events, err := a.Orders.Events(ctx, orderID)
	if problem.CodeOf(err) == problem.NotFound {
		// Accepted, but the saga has not come to its first step.
		events, err = nil, nil
	}
	if err != nil {
		fail(c, err)
		return
	}
	public, err := publicEvents(ctx, events)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, openapiserver.EventList{Items: public})
}

// publicEvents are the events as the caller may see them: without what means
// nothing outside, and without the names of operators for customers.
func publicEvents(ctx context.Context, events []order.Event) ([]order.Event, error) {
	public := make([]order.Event, 0, len(events))
	for _, event := range events {
		payload, err := publicPayload(ctx, event.Payload)
		if err != nil {
			return nil, fmt.Errorf("reading the payload of event %s: %w", event.EventID, err)
		}
		event.Payload = payload
		public = append(public, event)
	}
	return public, nil
}

func publicPayload(ctx context.Context, payload json.RawMessage) (json.RawMessage, error) {
	var decision struct {
		Actor string `json:"actor"`
	}
	if err := json.Unmarshal(payload, &decision); err != nil {
		return nil, err
	}
	hidden := [][]string{{"requestHash"}}
	if !auth.MayRead(ctx, decision.Actor) {
		hidden = append(hidden, []string{"actor"})
	}
	if !auth.PrincipalOf(ctx).Has(token.Admin, token.Ops) {
		// It is in an operator's words, and names one.
		hidden = append(hidden, []string{"saga", "steps", "compensation", "resolution"})
	}
	for _, path := range hidden {
		var err error
		if payload, err = without(payload, path); err != nil {
			return nil, err
		}
	}
	return payload, nil
}

// without takes the member at the path out of a JSON value, in each element of
// the arrays on the way. Everything else stays as it was written.
func without(value json.RawMessage, path []string) (json.RawMessage, error) {
	switch {
	case bytes.HasPrefix(value, []byte("[")):
		var elements []json.RawMessage
		if err := json.Unmarshal(value, &elements); err != nil {
			return nil, err
		}
		for i, element := range elements {
			var err error
			if elements[i], err = without(element, path); err != nil {
				return nil, err
			}
		}
		return json.Marshal(elements)
	case bytes.HasPrefix(value, []byte("{")):
		var members map[string]json.RawMessage
		if err := json.Unmarshal(value, &members); err != nil {
			return nil, err
		}
		member, there := members[path[0]]
		if !there {
			return value, nil
		}
		if len(path) == 1 {
			delete(members, path[0])
			return json.Marshal(members)
		}
		var err error
		if members[path[0]], err = without(member, path[1:]); err != nil {
			return nil, err
		}
		return json.Marshal(members)
	default:
		return value, nil
	}
}
