package workflowclient_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/gateway/internal/workflowclient/workflowclienttest"
	"orderflow/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type temporalServer = workflowclienttest.Server[string, int]

var wording = workflowclient.Wording{Missing: "there is no such tea", Away: "nobody makes tea"}

// brewing returns a client of a server on which the workflow "tea" runs.
func brewing(t *testing.T) (*temporalServer, *workflowclient.Client) {
	t.Helper()
	server := &temporalServer{Answer: 3}
	workflows := workflowclient.New(server, nil, wording)
	require.NoError(t, workflows.Start(t.Context(), client.StartWorkflowOptions{
		ID: "tea", Memo: map[string]any{"leaf": "assam"},
	}, "Brew", "hot water"))
	return server, workflows
}

// questions are those that a client asks of the workflow of an ID.
func questions(workflows *workflowclient.Client, id string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"describe": func(ctx context.Context) error { _, err := workflows.Describe(ctx, id); return err },
		"input":    func(ctx context.Context) error { return workflows.Input(ctx, id, "", new(string)) },
		"query":    func(ctx context.Context) error { return workflows.Query(ctx, id, "minutes", new(int)) },
		"update": func(ctx context.Context) error {
			return workflows.Update(ctx, workflowclient.Update{WorkflowID: id, Name: "stir"}, nil)
		},
	}
}

func TestAWorkflowAnswers(t *testing.T) {
	_, workflows := brewing(t)
	for question, ask := range questions(workflows, "tea") {
		assert.NoError(t, ask(t.Context()), question)
	}
	var input, leaf string
	var minutes int
	require.NoError(t, workflows.Input(t.Context(), "tea", "", &input))
	require.NoError(t, workflows.Query(t.Context(), "tea", "minutes", &minutes))
	info, err := workflows.Describe(t.Context(), "tea")
	require.NoError(t, err)
	require.NoError(t, workflows.Memo(info, "leaf", &leaf))
	require.NoError(t, workflows.Memo(info, "sugar", &leaf), "an entry that is not there changes nothing")
	assert.Equal(t, "hot water, assam", input+", "+leaf)
	assert.Equal(t, 3, minutes)
}

func TestAMissingWorkflowIsNotFoundInTheClientsWords(t *testing.T) {
	_, workflows := brewing(t)
	for question, ask := range questions(workflows, "coffee") {
		var shown *problem.Error
		require.ErrorAs(t, ask(t.Context()), &shown, question)
		assert.Equal(t, problem.NotFound, shown.Code)
		assert.Equal(t, wording.Missing, shown.Detail)
		assert.ErrorContains(t, shown.Unwrap(), "coffee", "the log is told of which")
	}
}

func TestAServerThatIsAwayIsUnavailableInTheClientsWords(t *testing.T) {
	server, workflows := brewing(t)
	server.Change(func(s *temporalServer) { s.Down = true })
	for question, ask := range questions(workflows, "tea") {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		var shown *problem.Error
		require.ErrorAs(t, ask(ctx), &shown, question)
		cancel()
		assert.Equal(t, problem.Unavailable, shown.Code)
		assert.Equal(t, wording.Away, shown.Detail)
		assert.Positive(t, shown.RetryAfter)
	}
}

func TestWhatCannotBeDecodedIsNobodysAbsence(t *testing.T) {
	_, workflows := brewing(t)
	info, err := workflows.Describe(t.Context(), "tea")
	require.NoError(t, err)
	for _, err := range []error{
		workflows.Input(t.Context(), "tea", "", new(int)),
		workflows.Query(t.Context(), "tea", "minutes", new(string)),
		workflows.Memo(info, "leaf", new(int)),
	} {
		require.ErrorContains(t, err, "decoding")
		assert.Equal(t, problem.Internal, problem.CodeOf(err), "asking again would not help")
	}
}

func TestARefusalKeepsItsType(t *testing.T) {
	server, workflows := brewing(t)
	server.Update = func(context.Context, string, []any) error { return temporal.NewApplicationError("no", "TooHot") }
	kind, refused := workflowclient.Refusal(workflows.Update(t.Context(), workflowclient.Update{WorkflowID: "tea", Name: "stir"}, nil))
	assert.True(t, refused)
	assert.Equal(t, "TooHot", kind)
	_, refused = workflowclient.Refusal(context.Canceled)
	assert.False(t, refused)
}
