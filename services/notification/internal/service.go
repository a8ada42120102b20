package internal

import (
	"context"
	"database/sql"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/services/notification"
)

// Service accepts messages and shows them.
type Service struct {
	db   *sqlstore.DB
	now  func() time.Time
	wake func()
}

// NewService returns a service over an opened database. wake is called after
// each accepted message and must not block.
func NewService(db *sqlstore.DB, now func() time.Time, wake func()) *Service {
	return &Service{db: db, now: now, wake: wake}
}

// Notify stores a message, from where it will be delivered. An equal request
// again stores nothing; the errors are those of fence.Act.
func (s *Service) Notify(ctx context.Context, request notification.NotifyRequest) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		_, err := fence.Act(ctx, tx, request.Key, request, now, func() (struct{}, error) {
			return struct{}{}, insertMessage(ctx, tx, message{
				key: request.Key, customerID: request.CustomerID, template: request.Template,
				trackingNumber: request.TrackingNumber, reason: request.Reason,
				status: notification.Queued, queuedAt: now,
			})
		})
		return err
	})
	if err == nil {
		s.wake()
	}
	return err
}

// Notifications returns an order's messages, oldest first; none for an unknown
// order.
func (s *Service) Notifications(ctx context.Context, orderID string) ([]notification.Notification, error) {
	messages, err := messagesOf(ctx, s.db.Reader(), orderID)
	if err != nil {
		return nil, err
	}
	views := make([]notification.Notification, len(messages))
	for i, m := range messages {
		views[i] = notification.Notification{
			OrderID: m.key.OrderID, CustomerID: m.customerID, Template: m.template,
			Status: m.status, Attempts: m.attempts, QueuedAt: m.queuedAt,
		}
	}
	return views, nil
}
