package activities

import (
	"context"

	"orderflow/services/notification"
)

// Notification are the steps at the notification service.
type Notification struct {
	Client *notification.Client
}

// NotifyCustomer queues a message about the order's end.
func (a *Notification) NotifyCustomer(ctx context.Context, request notification.NotifyRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Notify(ctx, request)
	})
}
