package internal

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/sqlstore"
	"orderflow/services/notification/internal/sink"
)

// Sink is the port to what carries messages to customers.
type Sink interface {
	// Deliver hands messages over in their order and returns how many of them,
	// counted from the first, are delivered. It is fewer than all only with an
	// error, which is about the next one; the caller may go on behind that. A
	// message may come more than once.
	Deliver(ctx context.Context, messages []sink.Message) (delivered int, err error)
}

const (
	// batchSize is how many messages share the transactions of one run.
	batchSize = 100
	// attemptTimeout is after what time an attempt without an end counts as
	// lost: its process died. It is longer than any sink may take for a batch.
	attemptTimeout = time.Minute
	// firstBackoff doubles with each failed attempt up to lastBackoff.
	firstBackoff = time.Second
	lastBackoff  = 10 * time.Minute
)

// Deliverer brings queued messages to the sink. Several may work on one
// database.
type Deliverer struct {
	db   *sqlstore.DB
	sink Sink
	now  func() time.Time
	log  *zap.Logger
}

// NewDeliverer returns a deliverer over an opened database.
func NewDeliverer(db *sqlstore.DB, sink Sink, now func() time.Time, log *zap.Logger) *Deliverer {
	return &Deliverer{db: db, sink: sink, now: now, log: log}
}

// RunOnce makes one attempt for each of up to a hundred due messages. more says
// that others may be due. That the sink refuses a message is not an error of
// RunOnce: the message is tried again later.
func (d *Deliverer) RunOnce(ctx context.Context) (more bool, err error) {
	claimed, err := d.claim(ctx)
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	failures := d.deliver(ctx, claimed)
	if err := d.record(ctx, claimed, failures); err != nil {
		return false, err
	}
	return len(claimed) == batchSize, nil
}

// claim starts an attempt for each due message, so that no other process takes
// it, and a crash is noticed later.
func (d *Deliverer) claim(ctx context.Context) (claimed []message, err error) {
	err = d.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now := d.now()
		if claimed, err = dueMessages(ctx, tx, now, batchSize); err != nil {
			return err
		}
		for i := range claimed {
			claimed[i].attempts++
			if err := startAttempt(ctx, tx, claimed[i], now, now.Add(attemptTimeout)); err != nil {
				return err
			}
		}
		return nil
	})
	return claimed, err
}

// errShortDelivery reports a sink that left messages out without saying why.
var errShortDelivery = errors.New("the sink took fewer messages than it was given")

// deliver returns what failed, by the message's place.
func (d *Deliverer) deliver(ctx context.Context, claimed []message) map[int]error {
	messages := make([]sink.Message, len(claimed))
	for i, m := range claimed {
		messages[i] = sink.Message{
			ID: m.key.String(), OrderID: m.key.OrderID, CustomerID: m.customerID, Template: string(m.template),
			TrackingNumber: m.trackingNumber, Reason: m.reason, QueuedAt: m.queuedAt,
		}
	}
	failures := map[int]error{}
	for next := 0; next < len(messages); next++ {
		accepted, err := d.sink.Deliver(ctx, messages[next:])
		if err == nil && accepted < len(messages)-next {
			err = errShortDelivery
		}
		next += accepted
		if next < len(messages) {
			failures[next] = err
		}
	}
	return failures
}

// record ends the attempts.
func (d *Deliverer) record(ctx context.Context, claimed []message, failures map[int]error) error {
	err := d.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := d.now()
		for i, m := range claimed {
			if err := recordOne(ctx, tx, m, failures[i], now); err != nil {
				return err
			}
		}
		return nil
	})
	for i, m := range claimed {
		if failure := failures[i]; failure != nil {
			// One line a batch: a sink that is down fails them all alike.
			d.log.Warn("messages not delivered yet", zap.Int("messages", len(failures)),
				zap.String("orderId", m.key.OrderID), zap.Int("attempt", m.attempts), zap.Error(failure))
			break
		}
	}
	return err
}

func recordOne(ctx context.Context, tx *sql.Tx, m message, failure error, now time.Time) error {
	if failure == nil {
		if err := endAttempt(ctx, tx, m, delivered, "", now); err != nil {
			return err
		}
		return markDelivered(ctx, tx, m, now)
	}
	if err := endAttempt(ctx, tx, m, failed, failure.Error(), now); err != nil {
		return err
	}
	return postpone(ctx, tx, m, now.Add(backoff(m.attempts)))
}

// backoff is the pause after the attempt of that number, counted from 1.
func backoff(attempt int) time.Duration {
	pause := firstBackoff
	for range attempt - 1 {
		if pause >= lastBackoff {
			break
		}
		pause *= 2
	}
	return min(pause, lastBackoff)
}
