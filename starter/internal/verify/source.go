package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

// Gateway is what is asked of the gateway; *gatewayclient.Client does it.
type Gateway interface {
	// Audit reads a page of a service's raw rows.
	Audit(ctx context.Context, service, table string, query gatewayclient.AuditQuery) (gatewayclient.AuditPage, error)
	// Order returns the order view, or problem.NotFound.
	Order(ctx context.Context, orderID string) (gatewayclient.Order, error)
}

// source reads rows, and is patient with a gateway that has none at the moment.
type source struct {
	gateway  Gateway
	backoff  gatewayclient.Backoff
	patience time.Duration
	pageSize int
}

func (s *source) retry(ctx context.Context, attempt func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	return gatewayclient.Retry(ctx, s.backoff, attempt)
}

// pages yields the rows of a table, page after page. The last pair has an
// error when a page cannot be read.
func (s *source) pages(ctx context.Context, service, name, orderID string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		query := gatewayclient.AuditQuery{Limit: s.pageSize, OrderID: orderID}
		for {
			var page gatewayclient.AuditPage
			err := s.retry(ctx, func(ctx context.Context) (err error) {
				page, err = s.gateway.Audit(ctx, service, name, query)
				return err
			})
			if err != nil {
				yield(nil, fmt.Errorf("reading %s/%s: %w", service, name, err))
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.After = page.Next
		}
	}
}

// all reads a small table as a whole.
func all[R any](ctx context.Context, s *source, service, name string) ([]R, error) {
	var rows []R
	for raw, err := range s.pages(ctx, service, name, "") {
		if err != nil {
			return nil, err
		}
		var decoded R
		if err := json.Unmarshal(raw, &decoded); err != nil {
			return nil, fmt.Errorf("reading a row of %s/%s: %w", service, name, err)
		}
		rows = append(rows, decoded)
	}
	return rows, nil
}

// head is the position of the last event: every event up to it exists by now.
func (s *source) head(ctx context.Context) (int64, error) {
	rows, err := all[struct {
		Position int64 `json:"position"`
	}](ctx, s, orderService, "event_head")
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 {
		return 0, fmt.Errorf("reading %s/event_head: it has %d rows instead of one", orderService, len(rows))
	}
	return rows[0].Position, nil
}

// checkpoint is the position up to which the live read model has come.
func (s *source) checkpoint(ctx context.Context) (int64, error) {
	rows, err := all[struct {
		Live     bool  `json:"live"`
		Position int64 `json:"position"`
	}](ctx, s, orderService, "projection")
	if err != nil {
		return 0, err
	}
	for _, generation := range rows {
		if generation.Live {
			return generation.Position, nil
		}
	}
	return 0, fmt.Errorf("reading %s/projection: no generation of the read model is live", orderService)
}

// order reads all rows of one order, table after table.
func (s *source) order(ctx context.Context, orderID string) (*orderRows, error) {
	checkpoint, err := s.checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	rows := &orderRows{id: orderID, checkpoint: checkpoint}
	for _, t := range orderTables() {
		for raw, err := range s.pages(ctx, t.service, t.name, orderID) {
			if err != nil {
				return nil, err
			}
			decoded, err := t.decode(raw)
			if err != nil {
				return nil, err
			}
			decoded.addTo(rows)
		}
	}
	return rows, nil
}

// standing is what the gateway says of an order.
type standing struct {
	asked, found bool
	status       string
	saga         string
}

func (s *source) standing(ctx context.Context, orderID string) (standing, error) {
	told := standing{asked: true}
	err := s.retry(ctx, func(ctx context.Context) error {
		view, err := s.gateway.Order(ctx, orderID)
		if problem.CodeOf(err) == problem.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		told.found, told.status = true, string(view.Status)
		if view.Saga != nil {
			told.saga = string(view.Saga.State)
		}
		return nil
	})
	if err != nil {
		return standing{}, fmt.Errorf("reading order %s: %w", orderID, err)
	}
	return told, nil
}
