// Package notificationtest runs the real notification service in the memory of
// a test, with a file as its sink, for the tests of others. Nothing of the
// product imports it.
package notificationtest

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/faults"
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

// Option changes how the service runs.
type Option func(*settings)

type settings struct {
	dsn    string
	faults faults.Spec
}

// WithDSN keeps the messages in that database, instead of a new SQLite file.
func WithDSN(dsn string) Option { return func(s *settings) { s.dsn = dsn } }

// WithFaults injects faults into the routes.
func WithFaults(spec faults.Spec) Option { return func(s *settings) { s.faults = spec } }

// Start runs the service until the test ends.
func Start(t testing.TB, options ...Option) Service {
	t.Helper()
	folder := t.TempDir()
	chosen := settings{dsn: "sqlite:" + filepath.Join(folder, "notification.db")}
	for _, option := range options {
		option(&chosen)
	}
	file := filepath.Join(folder, "notifications.jsonl")
	parts, err := internal.Build(t.Context(), internal.Config{DSN: chosen.dsn, Sink: file}, zap.NewNop())
	require.NoError(t, err)
	running := chassistest.Start(t, "notification", parts, chosen.faults)
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
