package audit

import (
	"encoding/json"
	"time"

	"orderflow/internal/fence"
)

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Query asks for a page of rows.
type Query struct {
	// After is the Next of the page before, "" for the first page.
	After string
	// Limit is how many rows a page has at most, 1 to MaxLimit; 0 means
	// DefaultLimit. A page of large rows may be shorter.
	Limit int
	// OrderID restricts the rows to those of one order, in tables that can;
	// "" means all rows.
	OrderID string
}

// Page is a page of rows in the order of the table's key.
type Page[Row any] struct {
	Table string `json:"table"`
	Items []Row  `json:"items"`
	// Next is the opaque cursor of the page after this one; "" on the last.
	Next string `json:"next,omitempty"`
}

// Table describes one table.
type Table struct {
	Name string `json:"name"`
	// ByOrder says that the rows of one order can be asked for.
	ByOrder bool `json:"byOrder"`
}

// TableList lists a service's tables.
type TableList struct {
	Items []Table `json:"items"`
}

// FenceRow is a row of the table fence, which every service with effects has.
// A time that is absent has not come: a row without TriedAt is a tombstone.
type FenceRow struct {
	fence.Key
	State    fence.State `json:"state"`
	BodyHash string      `json:"bodyHash,omitempty"`
	// Answer is the first answer; absent until the key was confirmed.
	Answer        json.RawMessage `json:"answer,omitempty"`
	TriedAt       time.Time       `json:"triedAt,omitzero"`
	ConfirmedAt   time.Time       `json:"confirmedAt,omitzero"`
	CompensatedAt time.Time       `json:"compensatedAt,omitzero"`
}

// FenceTable is the name of the table of FenceRow.
const FenceTable = "fence"
