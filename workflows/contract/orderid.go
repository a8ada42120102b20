package contract

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// OrderIDPrefix starts every order ID. The workflow's ID is the order's ID.
const OrderIDPrefix = "order-"

// NewOrderID returns an ID that sorts by time: a version 7 UUID (RFC 9562).
func NewOrderID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("making an order ID: %w", err)
	}
	return OrderIDPrefix + id.String(), nil
}

// OrderIDForKey derives the ID from the customer and their idempotency key: a
// version 8 UUID (RFC 9562) over SHA-256. Equal requests name the same
// workflow, so Temporal itself keeps the second one out.
func OrderIDForKey(customerID, idempotencyKey string) string {
	hash := sha256.New()
	// The length keeps ("a", "bc") and ("ab", "c") apart.
	_, _ = fmt.Fprintf(hash, "%d:%s%s", len(customerID), customerID, idempotencyKey)
	id := uuid.UUID(hash.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return OrderIDPrefix + id.String()
}

// ValidOrderID reports whether the text has the form of an order ID.
func ValidOrderID(text string) bool {
	rest, found := strings.CutPrefix(text, OrderIDPrefix)
	if !found || len(rest) != 36 {
		return false
	}
	parsed, err := uuid.Parse(rest)
	return err == nil && parsed.String() == rest
}
