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
	// Deliver hands messages over in their order and returns one result for
	// each, in the same places. nil is delivered; a *sink.RefusedError is never
	// tried again; sink.ErrNotTried was no attempt; after any other error the
	// message is tried again later. A message may come more than once. Deliver
	// returns soon after ctx has ended.
	Deliver(ctx context.Context, messages []sink.Message) []error
}

const (
	// batchSize is how many messages share the transactions of one run.
	batchSize = 100
	// batchTimeout is what the sink gets for a batch.
	batchTimeout = 45 * time.Second
	// attemptTimeout is after what time an attempt without an end counts as
	// lost: its process died. It leaves time to record a batch.
	attemptTimeout = time.Minute
	// recordTime is what the record of a batch gets when ctx has ended
	// meanwhile: what was delivered should not come again only because the
	// process was asked to end.
	recordTime = time.Second
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
// that others may be due. That a message is not delivered is not an error of
// RunOnce: it is recorded, and the message is tried again later unless the sink
// has refused it for good.
func (d *Deliverer) RunOnce(ctx context.Context) (more bool, err error) {
	claimed, err := d.claim(ctx)
	if err != nil || len(claimed) == 0 {
		return false, err
	}
	results := d.deliver(ctx, claimed)
	recording, stop := outlive(ctx, recordTime)
	defer stop()
	if err := d.record(recording, claimed, results); err != nil {
		return false, err
	}
	d.report(claimed, results)
	return len(claimed) == batchSize, nil
}

// claim starts an attempt for each due message, so that no other process takes
// it, and a crash is noticed later. SQLite may forget the attempt with a power
// cut, and does not count it then; the message is delivered again in either case.
func (d *Deliverer) claim(ctx context.Context) (claimed []message, err error) {
	err = d.db.InTxInterim(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
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

// errNoResult reports a sink that said nothing of a message.
var errNoResult = errors.New("the sink returned no result for the message")

// deliver returns a result for each message, in the same places.
func (d *Deliverer) deliver(ctx context.Context, claimed []message) []error {
	ctx, stop := context.WithTimeout(ctx, batchTimeout)
	defer stop()
	messages := make([]sink.Message, len(claimed))
	for i, m := range claimed {
		messages[i] = sink.Message{
			ID: m.key.String(), OrderID: m.key.OrderID, CustomerID: m.customerID, Template: string(m.template),
			TrackingNumber: m.trackingNumber, Reason: m.reason, QueuedAt: m.queuedAt,
		}
	}
	results := d.sink.Deliver(ctx, messages)
	for len(results) < len(claimed) {
		results = append(results, errNoResult)
	}
	return results
}

// record ends the attempts.
func (d *Deliverer) record(ctx context.Context, claimed []message, results []error) error {
	return d.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := d.now()
		for i, m := range claimed {
			if err := recordOne(ctx, tx, m, results[i], now); err != nil {
				return err
			}
		}
		return nil
	})
}

func recordOne(ctx context.Context, tx *sql.Tx, m message, failure error, now time.Time) error {
	switch {
	case failure == nil:
		if err := endAttempt(ctx, tx, m, delivered, "", now); err != nil {
			return err
		}
		return markDelivered(ctx, tx, m, now)
	case errors.Is(failure, sink.ErrNotTried):
		return withdrawAttempt(ctx, tx, m, now)
	}
	if err := endAttempt(ctx, tx, m, failed, failure.Error(), now); err != nil {
		return err
	}
	if isRefused(failure) {
		return markFailed(ctx, tx, m)
	}
	return postpone(ctx, tx, m, now.Add(backoff(m.attempts)))
}

// report logs what was not delivered: each message that is given up, and one
// line for all that are tried again, since a sink that is down fails them all
// alike.
func (d *Deliverer) report(claimed []message, results []error) {
	waiting, first := 0, 0
	for i, m := range claimed {
		switch failure := results[i]; {
		case failure == nil, errors.Is(failure, sink.ErrNotTried):
		case isRefused(failure):
			d.log.Warn("message given up", zap.String("orderId", m.key.OrderID), zap.Int("attempt", m.attempts), zap.Error(failure))
		default:
			if waiting++; waiting == 1 {
				first = i
			}
		}
	}
	if waiting > 0 {
		m := claimed[first]
		d.log.Warn("messages not delivered yet", zap.Int("messages", waiting),
			zap.String("orderId", m.key.OrderID), zap.Int("attempt", m.attempts), zap.Error(results[first]))
	}
}

func isRefused(failure error) bool {
	var refused *sink.RefusedError
	return errors.As(failure, &refused)
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
