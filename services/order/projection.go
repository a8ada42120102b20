package order

import (
	"context"
	"net/http"
	"time"
)

// Projection tells how far the read model is: the rows that lists and views are
// read from, made of the events alone.
type Projection struct {
	// Generation numbers the rows that readers see. Each rebuild makes a new one.
	Generation int64 `json:"generation"`
	// Position is the last event in these rows, Head the last one that there is,
	// and Lag how many are between.
	Position int64 `json:"position"`
	Head     int64 `json:"head"`
	Lag      int64 `json:"lag"`
	// Rebuild is the last one that was asked for, nil when there was none.
	Rebuild *Rebuild `json:"rebuild,omitempty"`
}

// Rebuild makes the rows of the read model again, from the first event on, while
// readers see the old ones.
type Rebuild struct {
	State RebuildState `json:"state"`
	// Position is the last event in the new rows while it runs: it is done some
	// time after this has reached Head. 0 otherwise.
	Position  int64     `json:"position,omitempty"`
	StartedAt time.Time `json:"startedAt"`
	// EndedAt is zero until it has ended.
	EndedAt time.Time `json:"endedAt,omitzero"`
	// Error is why it failed.
	Error string `json:"error,omitempty"`
}

// RebuildState is how far a rebuild is.
type RebuildState string

// The states of a rebuild. A requested one removes first what an earlier one has
// left. One that failed met an event that cannot be projected; readers see the
// old rows still.
const (
	RebuildRequested RebuildState = "requested"
	RebuildRunning   RebuildState = "running"
	RebuildDone      RebuildState = "done"
	RebuildFailed    RebuildState = "failed"
)

// Ended reports whether nothing more happens.
func (s RebuildState) Ended() bool { return s == RebuildDone || s == RebuildFailed }

// Projection tells how far the read model is.
func (c *Client) Projection(ctx context.Context) (Projection, error) {
	var projection Projection
	err := c.caller.Call(ctx, http.MethodGet, "/v1/projection", nil, &projection)
	return projection, err
}

// RebuildProjection begins a rebuild of the read model, unless one is under way,
// and returns without waiting for its end. It goes on through restarts of the
// service. To call it again is safe.
func (c *Client) RebuildProjection(ctx context.Context) (Projection, error) {
	var projection Projection
	err := c.caller.Call(ctx, http.MethodPost, "/v1/projection/rebuild", nil, &projection)
	return projection, err
}
