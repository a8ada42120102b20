// Package customer is the public face of the customer service: the JSON shapes
// of its API and a typed client. The service itself lives in internal and
// server.
package customer

import "time"

// Address is where a customer is; it needs no name of its own.
type Address struct {
	Name       string `json:"name,omitempty"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country"`
}

// Customer is one row. Version rises by one with every change.
type Customer struct {
	CustomerID string    `json:"customerId"`
	Name       string    `json:"name"`
	Contact    string    `json:"contact,omitempty"`
	Phone      string    `json:"phone,omitempty"`
	Address    *Address  `json:"address,omitempty"`
	Version    int64     `json:"version"`
	UpdatedAt  time.Time `json:"updatedAt"`
}

// Record is what a client may write of a customer.
type Record struct {
	CustomerID string   `json:"customerId"`
	Name       string   `json:"name"`
	Contact    string   `json:"contact,omitempty"`
	Phone      string   `json:"phone,omitempty"`
	Address    *Address `json:"address,omitempty"`
}
