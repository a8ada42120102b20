package gatewayclient

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
)

// OrderEvent is one change of an order.
type OrderEvent struct {
	// ID is what resumes the stream after this change.
	ID    string
	Order Order
}

// OrderEvents follows the order's changes after lastEventID, "" for all of
// them. The sequence ends with the stream: when the order has come to its end,
// but also when the gateway stops. The last pair has an error when the stream
// could not be opened or was cut; Temporary says whether to follow on.
func (c *Client) OrderEvents(ctx context.Context, orderID, lastEventID string) iter.Seq2[OrderEvent, error] {
	return func(yield func(OrderEvent, error) bool) {
		if err := c.readOrderEvents(ctx, orderID, lastEventID, yield); err != nil {
			yield(OrderEvent{}, err)
		}
	}
}

// readOrderEvents returns nil when the caller has stopped the sequence.
func (c *Client) readOrderEvents(
	ctx context.Context, orderID, lastEventID string, yield func(OrderEvent, error) bool,
) error {
	request, err := c.request(ctx, call{method: http.MethodGet, path: orderPath(orderID) + "/stream"})
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	if lastEventID != "" {
		request.Header.Set("Last-Event-ID", lastEventID)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.noAnswer(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusMultipleChoices {
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		if err != nil {
			return c.noAnswer(ctx, err)
		}
		return c.refusal(response, body)
	}
	for event, err := range serverSentEvents(response.Body) {
		if err != nil {
			return c.noAnswer(ctx, err)
		}
		if event.name != "order" {
			continue
		}
		var order Order
		if err := json.Unmarshal(event.data, &order); err != nil {
			return fmt.Errorf("reading a change of order %s: %w", orderID, err)
		}
		if !yield(OrderEvent{ID: event.id, Order: order}, nil) {
			return nil
		}
	}
	return nil
}

// serverSentEvent is one event of the event stream format of the HTML
// standard, section 9.2.
type serverSentEvent struct {
	id, name string
	data     []byte
}

// serverSentEvents reads events until the stream ends. An event that is cut by
// the end is dropped, as the standard asks for.
func serverSentEvents(stream io.Reader) iter.Seq2[serverSentEvent, error] {
	return func(yield func(serverSentEvent, error) bool) {
		lines := bufio.NewScanner(stream)
		lines.Buffer(nil, maxAnswer)
		// The ID lasts until another is sent; name and data are each event's.
		current, hasData := serverSentEvent{}, false
		for lines.Scan() {
			line := lines.Bytes()
			if len(line) == 0 {
				if hasData && !yield(current, nil) {
					return
				}
				current, hasData = serverSentEvent{id: current.id}, false
				continue
			}
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "id":
				current.id = string(value)
			case "event":
				current.name = string(value)
			case "data":
				if hasData {
					current.data = append(current.data, '\n')
				}
				current.data = append(current.data, value...)
				hasData = true
			}
		}
		if err := lines.Err(); err != nil {
			yield(serverSentEvent{}, err)
		}
	}
}
