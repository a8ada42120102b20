package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func TestAMessageThatIsSentAgainUnderItsKeyIsDecidedOnce(t *testing.T) {
	for name, row := range messages {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			id := g.placed()
			g.temporal.Answer = contract.Progress{State: contract.SagaRunning}
			first := g.messageUnder(name, id, row.body, "fix-1")
			require.Equal(t, http.StatusAccepted, first.Code, first.Body.String())

			g.temporal.Answer = contract.Progress{State: contract.SagaCompensating}
			g.temporal.Update = refuse(contract.ErrorNothingToFix)
			again := g.messageUnder(name, id, row.body, "fix-1")
			assert.Equal(t, http.StatusAccepted, again.Code)
			assert.JSONEq(t, first.Body.String(), again.Body.String())

			require.Len(t, g.temporal.Updates(), 1)
			sent := g.temporal.Updates()[0].UpdateID
			assert.NotEmpty(t, sent)
			assert.NotContains(t, sent, "fix-1", "the key is the client's own")
		})
	}
}

func TestWhatIsNotTheSameMessageIsDecidedByItself(t *testing.T) {
	for name, row := range messages {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			id := g.placed()
			other := strings.Replace(row.body, `"reason":"x"`, `"reason":"y"`, 1)
			require.NotEqual(t, row.body, other)
			g.messageUnder(name, id, row.body, "key")
			g.messageUnder(name, id, row.body, "another key")
			g.messageUnder(name, id, other, "key")
			g.message(name, id, row.body)
			g.message(name, id, row.body)
			g.messageUnder(name, g.placed(), row.body, "key")

			ids := map[string]int{}
			for _, update := range g.temporal.Updates() {
				ids[update.WorkflowID+" "+update.UpdateID]++
			}
			assert.Len(t, ids, 5)
			assert.Equal(t, 2, ids[id+" "], "without a key Temporal takes each for a new one")
		})
	}
}

func TestOneKeyOfTwoSendersIsTwoMessages(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, who := range []string{"cust-ada orders:write", "root admin", "eve ops"} {
		g.send(request{
			method: http.MethodPost, path: "/v1/orders/" + id + "/hold", token: g.tokenOf(who), body: `{"reason":"x"}`,
			header: http.Header{"Idempotency-Key": {"key"}},
		})
	}
	assert.Len(t, g.temporal.Updates(), 3)
}

// A client that lost the first answer gets it although the order has come to
// its end since; any other message is told the end.
func TestTheFirstAnswerOutlastsTheOrder(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	body := messages["fix"].body
	first := g.messageUnder("fix", id, body, "key")
	g.becomes(id, order.Shipped, order.SagaCompleted)
	g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)

	again := g.messageUnder("fix", id, body, "key")
	assert.Equal(t, http.StatusAccepted, again.Code, again.Body.String())
	assert.JSONEq(t, first.Body.String(), again.Body.String())
	g.messageUnder("fix", id, body, "another key").problem(problem.TooLate)
	g.message("fix", id, body).problem(problem.TooLate)
}

func TestARefusedMessageMayBeSentAgainUnderItsKey(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	body := messages["fix"].body
	g.temporal.Update = refuse(contract.ErrorNothingToFix)
	g.messageUnder("fix", id, body, "key").problem(problem.Conflict)
	g.temporal.Update = nil
	assert.Equal(t, http.StatusAccepted, g.messageUnder("fix", id, body, "key").Code, "now the order waits for it")
}

func TestAMessagesKeyHasBounds(t *testing.T) {
	for name, row := range messages {
		g := newGateway(t)
		id := g.placed()
		for _, keys := range [][]string{{""}, {strings.Repeat("k", 256)}, {"a\tb"}, {"clé"}, {"a", "b"}} {
			g.messageUnder(name, id, row.body, keys...).problem(problem.Malformed)
		}
		assert.Empty(t, g.temporal.Updates(), name)
		assert.Equal(t, http.StatusAccepted, g.messageUnder(name, id, row.body, strings.Repeat("k", 255)).Code)
	}
}
