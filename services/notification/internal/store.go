package internal

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/services/notification"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{fence.Schema(), sqlstore.EmbeddedSchema("notification", migrations)}
}

// outcome is how an attempt to deliver a message ended.
type outcome string

const (
	started   outcome = "started"
	delivered outcome = "delivered"
	failed    outcome = "failed"
)

// message is one row of the outbox.
type message struct {
	key            fence.Key
	customerID     string
	template       notification.Template
	trackingNumber string
	reason         string
	status         notification.Status
	attempts       int
	queuedAt       time.Time
}

func insertMessage(ctx context.Context, tx *sql.Tx, m message) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO message (order_id, step, revision, customer_id, template, tracking_number, reason,
			status, attempts, queued_at, due_at, delivered_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9, 0)`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.customerID, string(m.template), m.trackingNumber, m.reason,
		string(m.status), m.queuedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("queueing the message of %s: %w", m.key, err)
	}
	return nil
}

const selectMessage = `
	SELECT order_id, step, revision, customer_id, template, tracking_number, reason, status, attempts, queued_at
	FROM message `

// messagesOf returns an order's messages, oldest first.
func messagesOf(ctx context.Context, q sqlstore.Queryer, orderID string) ([]message, error) {
	messages, err := readMessages(q.QueryContext(ctx, selectMessage+`
		WHERE order_id = $1 ORDER BY queued_at, step, revision`, orderID))
	if err != nil {
		return nil, fmt.Errorf("reading the messages of %s: %w", orderID, err)
	}
	return messages, nil
}

// dueMessages returns messages whose next attempt may begin, those that wait
// longest first.
func dueMessages(ctx context.Context, tx *sql.Tx, now time.Time, limit int) ([]message, error) {
	messages, err := readMessages(tx.QueryContext(ctx, selectMessage+`
		WHERE status = 'queued' AND due_at <= $1 ORDER BY due_at, order_id LIMIT $2`, now.UnixMicro(), limit))
	if err != nil {
		return nil, fmt.Errorf("reading due messages: %w", err)
	}
	return messages, nil
}

func readMessages(rows *sql.Rows, err error) ([]message, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var messages []message
	for rows.Next() {
		var m message
		var queuedAt int64
		err := rows.Scan(&m.key.OrderID, &m.key.Step, &m.key.Revision, &m.customerID, &m.template, &m.trackingNumber,
			&m.reason, &m.status, &m.attempts, &queuedAt)
		if err != nil {
			return nil, err
		}
		m.queuedAt = time.UnixMicro(queuedAt).UTC()
		messages = append(messages, m)
	}
	return messages, rows.Err()
}

// startAttempt counts and records the message's next attempt. No other one
// begins before lostAt.
func startAttempt(ctx context.Context, tx *sql.Tx, m message, now, lostAt time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE message SET attempts = $4, due_at = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, lostAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("starting to deliver %s: %w", m.key, err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO delivery_attempt (order_id, step, revision, attempt, outcome, error, started_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, '', $6, 0)`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, string(started), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording attempt %d to deliver %s: %w", m.attempts, m.key, err)
	}
	return nil
}

// endAttempt records how the message's last attempt ended; explanation is for
// a failed one.
func endAttempt(ctx context.Context, tx *sql.Tx, m message, how outcome, explanation string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE delivery_attempt SET outcome = $5, error = $6, ended_at = $7
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND attempt = $4`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, string(how), explanation, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording the end of attempt %d to deliver %s: %w", m.attempts, m.key, err)
	}
	return nil
}

func markDelivered(ctx context.Context, tx *sql.Tx, m message, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE message SET status = $4, delivered_at = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND status <> $4`,
		m.key.OrderID, m.key.Step, m.key.Revision, string(notification.Delivered), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("marking %s as delivered: %w", m.key, err)
	}
	return nil
}

// markFailed ends the message, which is not tried again. An attempt that counted
// as lost no longer decides that.
func markFailed(ctx context.Context, tx *sql.Tx, m message) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE message SET status = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND attempts = $4 AND status = 'queued'`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, string(notification.Failed))
	if err != nil {
		return fmt.Errorf("marking %s as failed: %w", m.key, err)
	}
	return nil
}

// withdrawAttempt takes back an attempt that was not made: the message is due
// again, as if it had not been started. An attempt that counted as lost stays
// on record.
func withdrawAttempt(ctx context.Context, tx *sql.Tx, m message, dueAt time.Time) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE message SET attempts = attempts - 1, due_at = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND attempts = $4 AND status = 'queued'`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, dueAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("taking back attempt %d to deliver %s: %w", m.attempts, m.key, err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM delivery_attempt
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND attempt = $4`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts)
	if err != nil {
		return fmt.Errorf("forgetting attempt %d to deliver %s: %w", m.attempts, m.key, err)
	}
	return nil
}

// postpone sets when the message is tried again. An attempt that counted as
// lost no longer decides that.
func postpone(ctx context.Context, tx *sql.Tx, m message, dueAt time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE message SET due_at = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND attempts = $4 AND status = 'queued'`,
		m.key.OrderID, m.key.Step, m.key.Revision, m.attempts, dueAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("postponing %s: %w", m.key, err)
	}
	return nil
}
