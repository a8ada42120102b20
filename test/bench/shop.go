package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"orderflow/internal/token"
)

// shop is what the orders of a benchmark are about: customers and products
// enough that no row is everybody's, and stock that does not end.
type shop struct {
	http     *http.Client
	operator string
	tokens   []string // of the customers
}

const (
	customers = 20
	products  = 20
	plenty    = 1_000_000_000
)

func customerID(number int) string { return fmt.Sprintf("bench-customer-%02d", number%customers) }
func productID(number int) string  { return fmt.Sprintf("bench-product-%02d", number%products) }

// openShop puts customers, products and stock into a system.
func openShop(ctx context.Context, gateway string, keys *token.Keys) (shop, error) {
	// Connections are kept, as those of a shop's own servers are.
	s := shop{http: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	issue := func(subject, scope string) (string, error) {
		return keys.Issue(subject, scope, 12*time.Hour, time.Now())
	}
	var err error
	if s.operator, err = issue("bench-operator", "admin ops orders:read orders:write"); err != nil {
		return s, err
	}
	for number := range customers {
		id := customerID(number)
		owner, err := issue(id, "orders:read orders:write")
		if err != nil {
			return s, err
		}
		s.tokens = append(s.tokens, owner)
		if err := s.put(ctx, gateway+"/v1/customers/"+id, map[string]any{"customerId": id, "name": "Customer " + id}); err != nil {
			return s, err
		}
	}
	for number := range products {
		id := productID(number)
		if err := s.put(ctx, gateway+"/v1/products/"+id, map[string]any{
			"productId": id, "name": "Product " + id, "unitPrice": map[string]any{"amount": 100 + 37*number, "currency": "USD"},
		}); err != nil {
			return s, err
		}
		if err := s.put(ctx, gateway+"/v1/inventory/"+id, map[string]any{"productId": id, "onHand": plenty}); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s shop) put(ctx context.Context, url string, body any) error {
	_, err := s.send(ctx, http.MethodPut, url, s.operator, "", body)
	return err
}

// buy places one order of two products and returns its ID.
func (s shop) buy(ctx context.Context, gateway, key string, number int) (orderID string, err error) {
	answer, err := s.send(ctx, http.MethodPost, gateway+"/v1/orders", s.tokens[number%customers], key, map[string]any{
		"customerId": customerID(number),
		"items": []any{
			map[string]any{"productId": productID(number), "quantity": 1},
			map[string]any{"productId": productID(number/products + number + 1), "quantity": 2},
		},
		"payment": map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{
			"name": "Ada Lovelace", "line1": "12 St James Square", "city": "London", "postalCode": "SW1Y 4LB", "country": "GB",
		},
	})
	if err != nil {
		return "", err
	}
	var placed struct{ OrderID string }
	if err := json.Unmarshal(answer, &placed); err != nil {
		return "", fmt.Errorf("reading the answer to an order: %w", err)
	}
	return placed.OrderID, nil
}

// send asks the gateway, which must do what it is asked.
func (s shop) send(ctx context.Context, method, url, credential, key string, body any) ([]byte, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body for %s: %w", url, err)
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, text)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	request.Header.Set("Authorization", "Bearer "+credential)
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s answers %s: %s", url, response.Status, answer)
	}
	return answer, nil
}
