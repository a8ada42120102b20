// Package catalog is the public face of the catalogue service: the JSON shapes
// of its API and a typed client. The service itself lives in internal and
// server. Prices here are today's; an order keeps the prices that it was
// accepted with.
package catalog

import (
	"time"

	"orderflow/services/money"
)

// Product is one row. Version rises by one with every change.
type Product struct {
	ProductID    string      `json:"productId"`
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	UnitPrice    money.Money `json:"unitPrice"`
	Discontinued bool        `json:"discontinued"`
	Version      int64       `json:"version"`
	UpdatedAt    time.Time   `json:"updatedAt"`
}

// Record is what a client may write of a product.
type Record struct {
	ProductID    string      `json:"productId"`
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	UnitPrice    money.Money `json:"unitPrice"`
	Discontinued bool        `json:"discontinued,omitempty"`
}

// Page is a page of products in the order of their IDs.
type Page struct {
	Items []Product `json:"items"`
	Page  int       `json:"page"`
	Limit int       `json:"limit"`
	Total int64     `json:"total"`
}

// LookupRequest asks for several products at once, at most 100.
type LookupRequest struct {
	ProductIDs []string `json:"productIds"`
}

// LookupAnswer holds those that exist; the missing ones are simply not there.
type LookupAnswer struct {
	Products []Product `json:"products"`
}
