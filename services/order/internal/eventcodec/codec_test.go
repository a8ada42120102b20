package eventcodec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventstore"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

// newest has an event of each kind with every field set. testdata holds the
// same events in every schema version that was ever stored.
var newest = map[domain.EventType]domain.Event{
	domain.TypeOrderCreated: domain.OrderCreated{
		CustomerID: "cust-ada", CustomerName: "Ada \u2028 <Lovelace>",
		Items:       []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		Total:       money.New(9998, "USD"),
		RequestHash: "sha256:00ff", AcceptedAt: noon,
	},
	domain.TypeOrderConfirmed: domain.OrderConfirmed{ConfirmedAt: noon},
	domain.TypeOrderShipped: domain.OrderShipped{
		TrackingNumber: "TRACK-1", Carrier: "Simulated Parcel",
		Saga: order.Saga{State: order.SagaCompleted, Steps: []order.SagaStep{{Name: "create-order", State: "done"}}},
	},
	domain.TypeOrderCancelled: domain.OrderCancelled{
		Reason: "the payment was declined",
		Saga: order.Saga{State: order.SagaCompensated, Steps: []order.SagaStep{
			{Name: "create-order", State: "compensated"}, {Name: "charge-payment", State: "failed", Error: "declined"},
		}},
	},
	domain.TypeOrderIntervened: domain.OrderIntervened{
		Action: order.InterventionSkip, Step: "RefundPayment", Actor: "ops-jane", Reason: "the acquirer is gone", At: noon,
	},
}

func TestEveryEventIsReadAsItWasWritten(t *testing.T) {
	codec := New()
	require.Len(t, newest, len(codec.kinds), "a kind of event has no example")
	for kind, event := range newest {
		data, err := codec.Encode(event)
		require.NoError(t, err)
		assert.Equal(t, string(kind), data.Type)
		decoded, err := codec.Decode(data)
		require.NoError(t, err)
		assert.Equal(t, event, decoded)
	}
}

var storedName = regexp.MustCompile(`^(\w+)\.v(\d+)\.json$`)

// Payloads in testdata are as old programs stored them. They are added to, and
// never edited: a change that breaks this test breaks stored orders.
func TestEveryStoredVersionIsStillRead(t *testing.T) {
	codec := New()
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	versions := make(map[string]int)
	for _, file := range files {
		name := storedName.FindStringSubmatch(filepath.Base(file))
		require.NotNil(t, name, "%s is not named TYPE.vN.json", file)
		version, err := strconv.Atoi(name[2])
		require.NoError(t, err)
		payload, err := os.ReadFile(file)
		require.NoError(t, err)

		event, err := codec.Decode(eventstore.Data{Type: name[1], SchemaVersion: version, Payload: payload})
		require.NoError(t, err, file)
		assert.Equal(t, newest[domain.EventType(name[1])], event, file)
		versions[name[1]]++
	}
	for kind, reader := range codec.kinds {
		assert.Equal(t, reader.newest(), versions[string(kind)], "testdata lacks versions of %s", kind)
	}
}

// The newest payload in testdata is what is written today: a change of shape
// without a new schema version is found here.
func TestTheWrittenShapeIsTheNewestStoredOne(t *testing.T) {
	codec := New()
	for kind, event := range newest {
		data, err := codec.Encode(event)
		require.NoError(t, err)
		stored, err := os.ReadFile(filepath.Join("testdata", string(kind)+".v"+strconv.Itoa(data.SchemaVersion)+".json"))
		require.NoError(t, err)
		assert.JSONEq(t, string(stored), string(data.Payload), kind)
	}
}

// Members that came later are optional and need no new schema version: an
// outcome without them is read as it was, as testdata shows.
func TestAnOutcomeKeepsHowACompensationWasResolved(t *testing.T) {
	codec := New()
	cancelled := domain.OrderCancelled{Reason: "declined", Saga: order.Saga{State: order.SagaCompensated, Steps: []order.SagaStep{{
		Name: "ChargePayment", State: "skipped", Compensation: &order.Compensation{
			Name: "RefundPayment", State: "skipped", Error: "away", Resolution: "skipped by ops-jane: the acquirer is gone",
		},
	}}}}
	data, err := codec.Encode(cancelled)
	require.NoError(t, err)
	assert.Equal(t, 1, data.SchemaVersion)
	assert.JSONEq(t, `{"reason":"declined","saga":{"state":"compensated","steps":[{"name":"ChargePayment","state":"skipped",
		"compensation":{"name":"RefundPayment","state":"skipped","error":"away",
			"resolution":"skipped by ops-jane: the acquirer is gone"}}]}}`, string(data.Payload))
	decoded, err := codec.Decode(data)
	require.NoError(t, err)
	assert.Equal(t, cancelled, decoded)
}

func TestUpcastersRunFromTheStoredVersionOn(t *testing.T) {
	rename := func(from, to string) upcaster {
		return func(payload json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(strings.Replace(string(payload), from, to, 1)), nil
		}
	}
	codec := &Codec{kinds: map[domain.EventType]kind{domain.TypeOrderCancelled: {
		upcasters: []upcaster{rename("why", "cause"), rename("cause", "reason")},
		decode:    into[domain.OrderCancelled],
	}}}
	for version, payload := range []string{`{"why":"late"}`, `{"cause":"late"}`, `{"reason":"late"}`} {
		event, err := codec.Decode(eventstore.Data{Type: "OrderCancelled", SchemaVersion: version + 1, Payload: json.RawMessage(payload)})
		require.NoError(t, err)
		assert.Equal(t, domain.OrderCancelled{Reason: "late"}, event, "version %d", version+1)
	}
	data, err := codec.Encode(domain.OrderCancelled{})
	require.NoError(t, err)
	assert.Equal(t, 3, data.SchemaVersion)
}

func TestWhatCannotBeReadIsATypedError(t *testing.T) {
	for name, test := range map[string]struct {
		data eventstore.Data
		want error
	}{
		"unknown type":         {eventstore.Data{Type: "OrderLost", SchemaVersion: 1, Payload: json.RawMessage(`{}`)}, ErrUnknownEvent},
		"newer schema version": {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 99, Payload: json.RawMessage(`{}`)}, ErrUnknownEvent},
		"schema version 0":     {eventstore.Data{Type: "OrderConfirmed", Payload: json.RawMessage(`{}`)}, ErrUnknownEvent},
		"no JSON":              {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 1, Payload: json.RawMessage(`{`)}, ErrCorruptPayload},
		"null":                 {eventstore.Data{Type: "OrderConfirmed", SchemaVersion: 1, Payload: json.RawMessage(`null`)}, ErrCorruptPayload},
		"a part of wrong type": {eventstore.Data{Type: "OrderCreated", SchemaVersion: 1, Payload: json.RawMessage(`{"items":7}`)}, ErrCorruptPayload},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New().Decode(test.data)
			require.ErrorIs(t, err, test.want)
		})
	}
}
