package notificationtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/notification"
	"orderflow/services/notification/notificationtest"
)

func TestTheAuditShowsTheOutboxWithoutItsWords(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := notificationtest.Start(t, notificationtest.WithDSN(dsn))
		key := notification.Key{OrderID: "order-1", Step: "NotifyCustomer", Revision: 1}
		require.NoError(t, service.Notify(t.Context(), notification.NotifyRequest{
			Key: key, CustomerID: "cust-ada", Template: notification.OrderUndone, Reason: "declined",
		}))
		require.Eventually(t, func() bool {
			page, err := service.AuditMessages(t.Context(), audit.Query{})
			return err == nil && len(page.Items) == 1 && page.Items[0].Status == notification.Delivered
		}, time.Minute, 10*time.Millisecond)

		messages := audittest.Walk(t, service.AuditMessages, "")
		require.Len(t, messages, 1)
		assert.Equal(t, key, messages[0].Key)
		assert.Equal(t, 1, messages[0].Attempts)
		assert.False(t, messages[0].DeliveredAt.IsZero())

		attempts := audittest.Walk(t, service.AuditDeliveryAttempts, "order-1")
		require.Len(t, attempts, 1)
		assert.Equal(t, "delivered", attempts[0].Outcome)
		assert.Len(t, audittest.Walk(t, service.AuditFence, "order-1"), 1)
	})
}
