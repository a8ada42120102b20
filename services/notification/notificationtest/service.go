// Package notificationtest runs the real notification service in the memory of
// a test, with a file as its sink, for the tests of others. Nothing of the
// product imports it.
package notificationtest

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/chassis"
	"orderflow/internal/chassis/chassistest"
	"orderflow/services/notification"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
)

// Service is a running notification service and a client for it.
type Service struct {
	*notification.Client
	chassistest.Service

	sink string
}

// WithDSN keeps the messages in that database, instead of a new SQLite file.
func WithDSN(dsn string) chassistest.Option { return chassistest.WithDSN(dsn) }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...chassistest.Option) Service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notifications.jsonl")
	build := func(ctx context.Context, dsn string) (chassis.Parts, error) {
		return internal.Build(ctx, internal.Config{DSN: dsn, Sink: file}, zap.NewNop())
	}
	running, _ := chassistest.StartOnDatabase(t, "notification", build, options...)
	return Service{Client: notification.NewClient(running.Caller), Service: running, sink: file}
}

// Message is one delivered message.
type Message = sink.Message

// Delivered returns what has come to the sink so far, in its order. A message
// may stand there more than once, with the same ID.
func (s Service) Delivered(t testing.TB) []Message {
	t.Helper()
	file, err := os.Open(s.sink)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var messages []Message
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var message Message
		require.NoError(t, json.Unmarshal(lines.Bytes(), &message))
		messages = append(messages, message)
	}
	require.NoError(t, lines.Err())
	return messages
}
