package sink_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/services/notification/internal/sink"
)

func TestWordsOfEachTemplate(t *testing.T) {
	for name, test := range map[string]struct {
		message       sink.Message
		subject, body string
	}{
		"shipped": {
			sink.Message{OrderID: "order-1", Template: "order-shipped", TrackingNumber: "SP1"},
			"Your order order-1 is on its way",
			"Your order order-1 has been handed to the carrier.\n\nTracking number: SP1\n",
		},
		"shipped without a number": {
			sink.Message{OrderID: "order-1", Template: "order-shipped"},
			"Your order order-1 is on its way",
			"Your order order-1 has been handed to the carrier.\n",
		},
		"undone": {
			sink.Message{OrderID: "order-1", Template: "order-undone", Reason: "out of stock: Käse"},
			"Your order order-1 will not be delivered",
			"Your order order-1 will not be delivered.\n\nReason: out of stock: Käse\n\nWhatever was charged for it is refunded.\n",
		},
		"undone without a reason": {
			sink.Message{OrderID: "order-1", Template: "order-undone"},
			"Your order order-1 will not be delivered",
			"Your order order-1 will not be delivered.\n\nWhatever was charged for it is refunded.\n",
		},
		"undone without the money": {
			sink.Message{OrderID: "order-1", Template: "order-undone-unrefunded", Reason: "out of stock"},
			"Your order order-1 will not be delivered",
			"Your order order-1 will not be delivered.\n\nReason: out of stock\n\n" +
				"If it was charged, please contact us about the money: it has not been refunded.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			subject, body, err := test.message.Text()
			require.NoError(t, err)
			assert.Equal(t, test.subject, subject)
			assert.Equal(t, test.body, body)
		})
	}
	_, _, err := sink.Message{Template: "order-lost"}.Text()
	require.ErrorContains(t, err, `"order-lost"`)
}

func TestNoValueAddsALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := sink.Message{
			OrderID: rapid.String().Draw(t, "orderId"), TrackingNumber: "x" + rapid.String().Draw(t, "trackingNumber"),
			Reason:   "x" + rapid.String().Draw(t, "reason"),
			Template: rapid.SampledFrom([]string{"order-shipped", "order-undone", "order-undone-unrefunded"}).Draw(t, "template"),
		}
		subject, body, err := message.Text()
		require.NoError(t, err)
		require.False(t, strings.ContainsAny(subject, "\r\n"))
		require.NotContains(t, body, "\r")
		lines := map[string]int{"order-shipped": 3, "order-undone": 5, "order-undone-unrefunded": 5}
		require.Equal(t, lines[message.Template], strings.Count(body, "\n"))
	})
}
