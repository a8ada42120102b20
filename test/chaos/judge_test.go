package chaos

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/workflows/contract"
)

func view(state contract.SagaState) View {
	v := View{found: true}
	v.Saga = &struct {
		State contract.SagaState `json:"state"`
	}{state}
	return v
}

// told is the log of one order, read back from its file.
func told(t *testing.T, kind Kind, whats ...What) []*claim {
	t.Helper()
	path := filepath.Join(t.TempDir(), "promises.jsonl")
	promises, err := OpenPromises(path)
	require.NoError(t, err)
	id := contract.OrderIDForKey("c", "k")
	for _, what := range append([]What{Sent}, whats...) {
		promises.Say(Said{What: what, Number: 3, Kind: kind, Customer: "c", Key: "k", OrderID: id, Body: &Body{CustomerID: "c"}})
	}
	require.NoError(t, promises.Close())
	said, err := ReadPromises(path)
	require.NoError(t, err)
	require.Len(t, said, len(whats)+1)
	return claims(said)
}

func TestAnOrderThatEndsAgainstItsPromiseIsABreach(t *testing.T) {
	const shipped, undone = contract.SagaCompleted, contract.SagaCompensated
	tests := []struct {
		name   string
		kind   Kind
		said   []What
		end    contract.SagaState
		broken bool
	}{
		{"it ships", Ships, []What{Accepted}, shipped, false},
		{"it is undone without a reason", Ships, []What{Accepted}, undone, true},
		{"the warehouse had too little", Scarce, []What{Accepted}, undone, false},
		{"a declined card buys nothing", Declined, []What{Accepted}, undone, false},
		{"a declined card has bought", Declined, []What{Accepted}, shipped, true},
		{"no route, and it has gone", Refused, []What{Accepted}, shipped, true},
		{"its cancel was accepted", Cancels, []What{Accepted, CancelSent, CancelAccepted}, undone, false},
		{"its cancel was accepted, and it has shipped", Cancels, []What{Accepted, CancelSent, CancelAccepted}, shipped, true},
		{"its cancel came too late", Cancels, []What{Accepted, CancelSent, CancelTurnedDown}, shipped, false},
		{"nobody knows of its cancel", Cancels, []What{Accepted, CancelSent}, undone, false},
		{"an operator has cancelled it", Ships, []What{Accepted, OperatorCancelled}, undone, false},
		{"an operator has cancelled it, and it has shipped", Ships, []What{Accepted, OperatorCancelled}, shipped, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claimed := told(t, test.kind, test.said...)
			require.Len(t, claimed, 1)
			var breaches Breaches
			judgeEnds(claimed, map[string]View{claimed[0].orderID: view(test.end)}, &breaches)
			assert.Equal(t, test.broken, len(breaches.All()) > 0, "%v", breaches.All())
		})
	}
}

func TestASecretIsFoundWhereverItWasWritten(t *testing.T) {
	const token = "head.claims.signature-of-a-token"
	filler := bytes.Repeat([]byte("x"), 4<<20-7) // so that it lies across two pieces
	tests := map[string]struct {
		name, text string
		found      bool
	}{
		"a token in a database":         {"order.db", "..signature-of-a-token..", true},
		"a token far into a file":       {"temporal.db-wal", string(filler) + "signature-of-a-token", true},
		"a card number in a log":        {"logs/gateway.log", "paid with " + plantedCard, true},
		"an address in a log":           {"logs/order.log", "to 1 " + markPrefix + "07x Street", true},
		"an address in a database":      {"order.db", "to 1 " + markPrefix + "07x Street", false},
		"the part of a token before it": {"order.db", "head.claims", false},
		"the keys themselves":           {"keys/private.pem", "signature-of-a-token", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, test.name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
			var breaches Breaches
			require.NoError(t, judgeFiles([]string{folder}, []string{token}, &breaches))
			assert.Equal(t, test.found, len(breaches.All()) > 0)
		})
	}
}

func TestTheAcceptedOrdersAreExpected(t *testing.T) {
	claimed := told(t, Ships, Accepted, Accepted)
	require.True(t, claimed[0].accepted)
	path := filepath.Join(t.TempDir(), "accepted.jsonl")
	said := []Said{
		{What: Sent, Number: 1, Key: "k1", Body: &Body{CustomerID: "c", Items: []Item{{"p", 2}}}},
		{What: Sent, Number: 2, Key: "k2", Body: &Body{CustomerID: "c"}},
		{What: Accepted, Number: 1, Key: "k1"},
		{What: Accepted, Number: 1, Key: "k1"},
	}
	require.NoError(t, writeExpected(path, said))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, 1, bytes.Count(text, []byte("\n")), "each once, and nothing that was not accepted")
	assert.Contains(t, string(text), `"reference":"k1"`)
}

func TestTheCommandRepeatsTheRun(t *testing.T) {
	settings := Brief(9, Postgres)
	assert.Equal(t, "make chaos ORDERS=500 FAULTS=28 MINUTES=0.75 SEED=9 DB=postgres", settings.Command())
	settings.Defect = "oversold"
	assert.Contains(t, settings.Command(), "make chaos-defects DEFECT=oversold ")
}
