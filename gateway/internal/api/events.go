package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/services/order"
)

type eventList struct {
	Items []order.Event `json:"items"`
}

// getEvents is GET /v1/orders/{orderId}/events: the order's stream, or with
// asOf the view as it was.
func (a *API) getEvents(c *gin.Context) {
	ctx := c.Request.Context()
	orderID := c.Param("orderId")
	at, asked, err := asOfTime(c.Request.URL.Query())
	if err != nil {
		fail(c, err)
		return
	}
	if _, err := a.readable(ctx, orderID); err != nil {
		fail(c, err)
		return
	}
	if asked {
		stored, err := a.Orders.OrderAt(ctx, orderID, at)
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
	public, err := publicEvents(events)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, eventList{Items: public})
}

// internalFields are members of event payloads that mean nothing outside.
var internalFields = []string{"requestHash"}

func publicEvents(events []order.Event) ([]order.Event, error) {
	public := make([]order.Event, 0, len(events))
	for _, event := range events {
		payload, err := publicPayload(event.Payload)
		if err != nil {
			return nil, fmt.Errorf("reading the payload of event %s: %w", event.EventID, err)
		}
		event.Payload = payload
		public = append(public, event)
	}
	return public, nil
}

func publicPayload(payload json.RawMessage) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		return nil, err
	}
	for _, name := range internalFields {
		delete(members, name)
	}
	return json.Marshal(members)
}
