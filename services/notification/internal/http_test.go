package internal_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/notification"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/notificationtest"
)

const goodNotify = `{"key":{"orderId":"order-1","step":"NotifyCustomer","revision":1},"customerId":"cust-ada",` +
	`"template":"order-shipped","trackingNumber":"SP1"}`

func TestNotifyOverHTTPReachesTheSink(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := notificationtest.Start(t, notificationtest.WithDSN(dsn))
		require.NoError(t, service.Notify(t.Context(), shipped("order-1")))
		require.Eventually(t, func() bool {
			found, err := service.Notifications(t.Context(), "order-1")
			return err == nil && len(found) == 1 && found[0].Status == notification.Delivered
		}, 20*time.Second, 10*time.Millisecond)
		delivered := service.Delivered(t)
		require.Len(t, delivered, 1)
		require.Equal(t, "order-1/NotifyCustomer/1", delivered[0].ID)
		require.Equal(t, "cust-ada", delivered[0].CustomerID)
	})
}

// The last thing that a service does is to deliver what it has accepted.
func TestAcceptedMessagesAreDeliveredBeforeTheEnd(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "out.jsonl")
	parts, err := internal.Build(t.Context(), internal.Config{DSN: "sqlite:" + filepath.Join(folder, "n.db"), Sink: file}, zap.NewNop())
	require.NoError(t, err)
	t.Run("while it runs", func(t *testing.T) {
		running := chassistest.Start(t, "notification", parts, faults.Spec{})
		require.NoError(t, notification.NewClient(running.Caller).Notify(t.Context(), shipped("order-1")))
	})
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), `"id":"order-1/NotifyCustomer/1"`)
}

func TestASinkThatCannotBeOpenedEndsTheStart(t *testing.T) {
	folder := t.TempDir()
	_, err := internal.Build(t.Context(), internal.Config{DSN: "sqlite:" + filepath.Join(folder, "n.db"), Sink: folder}, zap.NewNop())
	require.ErrorContains(t, err, "opening the sink")
	require.NotContains(t, err.Error(), "\n")
}

func TestDefaultSink(t *testing.T) {
	for dsn, want := range map[string]string{
		"sqlite:./.orderflow/notification.db":     ".orderflow/notifications.jsonl",
		"sqlite:///var/lib/shop/notification.db":  "/var/lib/shop/notifications.jsonl",
		"sqlite:notification.db":                  "notifications.jsonl",
		"postgres://shop@db.example/notification": ".orderflow/notifications.jsonl",
	} {
		require.Equal(t, filepath.FromSlash(want), internal.DefaultSink(dsn), dsn)
	}
}

func TestMessagesOfAnOrderWithoutAny(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := notificationtest.Start(t, notificationtest.WithDSN(dsn))
		answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/notifications/order-1", "")
		require.Equal(t, http.StatusOK, answer.Status)
		require.JSONEq(t, `{"items":[]}`, string(answer.Body))
		for _, orderID := range []string{"..%2f", "%00", strings.Repeat("x", 65)} {
			answer = chassistest.Send(t, http.MethodGet, service.URL+"/v1/notifications/"+orderID, "")
			require.Equal(t, http.StatusNotFound, answer.Status, orderID)
		}
	})
}

func TestBadInputIsRefusedByFieldAndChangesNothing(t *testing.T) {
	service := notificationtest.Start(t)
	instead := func(old, changed string) string {
		require.Contains(t, goodNotify, old)
		return strings.Replace(goodNotify, old, changed, 1)
	}
	for name, test := range map[string]struct {
		body    string
		code    problem.Code
		pointer string
	}{
		"no body":            {``, problem.Malformed, ""},
		"an array":           {`[]`, problem.Malformed, ""},
		"unknown member":     {instead(`"template"`, `"mail":"x","template"`), problem.Malformed, "/mail"},
		"no order":           {instead("order-1", ""), problem.Invalid, "/key/orderId"},
		"revision 0":         {instead(`"revision":1`, `"revision":0`), problem.Invalid, "/key/revision"},
		"no customer":        {instead("cust-ada", ""), problem.Invalid, "/customerId"},
		"path as a customer": {instead("cust-ada", "../x"), problem.Invalid, "/customerId"},
		"unknown template":   {instead("order-shipped", "order-lost"), problem.Invalid, "/template"},
		"template as number": {instead(`"order-shipped"`, "1"), problem.Invalid, "/template"},
		"tracking number with a line break": {
			instead("SP1", `SP\n1`), problem.Invalid, "/trackingNumber",
		},
		"long reason": {
			instead(`"trackingNumber"`, fmt.Sprintf(`"reason":%q,"trackingNumber"`, strings.Repeat("x", 1001))), problem.Invalid, "/reason",
		},
	} {
		t.Run(name, func(t *testing.T) {
			chassistest.RequireRefused(t, service.URL+"/v1/notifications", test.body, test.code, test.pointer)
		})
	}
	found, err := service.Notifications(t.Context(), "order-1")
	require.NoError(t, err)
	require.Empty(t, found)
}
