package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"orderflow/internal/strictjson"
	"orderflow/internal/validate"
)

// maxItems is how many lines an order may have, before equal ones are merged.
const maxItems = 100

// placementBody is the body of POST /v1/orders. It has no prices: those are the
// catalogue's business.
type placementBody struct {
	CustomerID      string       `json:"customerId"`
	Items           []itemBody   `json:"items"`
	Payment         *paymentBody `json:"payment"`
	ShippingAddress *addressBody `json:"shippingAddress"`

	// pointers are those of the items' first lines; set by Validate.
	pointers []string
}

type itemBody struct {
	ProductID string `json:"productId"`
	Quantity  *int64 `json:"quantity"`
}

type paymentBody struct {
	Method string `json:"method"`
}

// Validate checks every field and then merges the lines of one product. It
// returns a problem.Invalid that names all unacceptable fields.
func (b *placementBody) Validate() error {
	fields := validate.New()
	fields.ID("/customerId", b.CustomerID)
	b.checkItems(fields)
	if b.Payment == nil {
		fields.Require(false, "/payment", "is required")
	} else {
		b.Payment.check(fields, "/payment")
	}
	if b.ShippingAddress == nil {
		fields.Require(false, "/shippingAddress", "is required")
	} else {
		fields.ShippingAddress("/shippingAddress", validate.Address(*b.ShippingAddress))
	}
	return fields.Err()
}

func (b *placementBody) checkItems(fields *validate.Fields) {
	if b.Items == nil {
		fields.Require(false, "/items", "is required")
		return
	}
	fields.Count("/items", len(b.Items), 1, maxItems)
	if len(b.Items) > maxItems {
		return
	}
	for i, item := range b.Items {
		item.check(fields, itemPointer(i))
	}
	b.merge(fields)
}

func (b itemBody) check(fields *validate.Fields, pointer string) {
	fields.ID(pointer+"/productId", b.ProductID)
	if b.Quantity == nil {
		fields.Require(false, pointer+"/quantity", "is required")
	} else {
		fields.Require(*b.Quantity >= 1, pointer+"/quantity", "must be an integer from 1")
	}
}

func (b *paymentBody) check(fields *validate.Fields, pointer string) {
	fields.Text(pointer+"/method", b.Method, 1, validate.MaxText)
	fields.NoCardNumber(pointer+"/method", b.Method)
}

// merge adds up the lines of one product at the place of its first line.
func (b *placementBody) merge(fields *validate.Fields) {
	first := make(map[string]int, len(b.Items))
	merged := make([]itemBody, 0, len(b.Items))
	b.pointers = make([]string, 0, len(b.Items))
	for i, item := range b.Items {
		at, repeated := first[item.ProductID]
		if !repeated {
			first[item.ProductID] = len(merged)
			merged = append(merged, item)
			b.pointers = append(b.pointers, itemPointer(i))
			continue
		}
		more, sum := item.Quantity, merged[at].Quantity
		if more == nil || sum == nil {
			continue // refused already
		}
		if *more > 0 && *sum > math.MaxInt64-*more {
			fields.Require(false, itemPointer(i)+"/quantity", "makes the product's quantity too large")
			continue
		}
		total := *sum + *more
		merged[at].Quantity = &total
	}
	b.Items = merged
}

// hash identifies what was asked for: equal bodies have equal hashes however
// they were written. It is taken of the validated body, before prices.
func (b *placementBody) hash() (string, error) {
	canonical, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("hashing the request: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

func itemPointer(i int) string { return strictjson.Pointer("items", strconv.Itoa(i)) }
