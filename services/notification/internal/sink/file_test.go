package sink_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/notification/internal/sink"
)

var queuedAt = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *sink.File {
	t.Helper()
	file, err := sink.OpenFile(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func lines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(text), "\n"), "every line is complete")
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestFileHasOneObjectALine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "notifications.jsonl")
	file := open(t, path)
	results := file.Deliver(t.Context(), []sink.Message{
		{ID: "order-1/NotifyCustomer/1", OrderID: "order-1", CustomerID: "cust-1", Template: "order-shipped", TrackingNumber: "SP1", QueuedAt: queuedAt},
		{ID: "order-2/NotifyCustomer/1", OrderID: "order-2", CustomerID: "cust-2", Template: "order-undone", Reason: "out of\nstock", QueuedAt: queuedAt},
	})
	require.Equal(t, []error{nil, nil}, results)
	require.Equal(t, []string{
		`{"id":"order-1/NotifyCustomer/1","orderId":"order-1","customerId":"cust-1","template":"order-shipped","trackingNumber":"SP1","queuedAt":"2026-11-23T05:00:00Z"}`,
		`{"id":"order-2/NotifyCustomer/1","orderId":"order-2","customerId":"cust-2","template":"order-undone","reason":"out of\nstock","queuedAt":"2026-11-23T05:00:00Z"}`,
	}, lines(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "customers' IDs are not for everybody")
}

func TestFileGoesOnWhereItEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notifications.jsonl")
	for _, id := range []string{"1", "2"} {
		file := open(t, path)
		require.Equal(t, []error{nil}, file.Deliver(t.Context(), []sink.Message{{ID: id}}))
		require.NoError(t, file.Close())
	}
	require.Len(t, lines(t, path), 2)
}

func TestFileClosesALineThatACrashLeftOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notifications.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(`{"id":"1","ord`), 0o600))
	require.Equal(t, []error{nil}, open(t, path).Deliver(t.Context(), []sink.Message{{ID: "1"}}))
	found := lines(t, path)
	require.Len(t, found, 2)
	require.Equal(t, `{"id":"1","ord`, found[0])
	require.Contains(t, found[1], `{"id":"1","orderId"`)
}

func TestFileThatCannotBeWrittenDeliversNothing(t *testing.T) {
	file := open(t, filepath.Join(t.TempDir(), "notifications.jsonl"))
	require.NoError(t, file.Close())
	results := file.Deliver(t.Context(), []sink.Message{{ID: "1"}, {ID: "2"}})
	require.Len(t, results, 2)
	for _, err := range results {
		require.ErrorIs(t, err, os.ErrClosed)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	folder := t.TempDir()
	_, err := sink.OpenFile(folder)
	require.ErrorContains(t, err, "opening the sink")
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = sink.OpenFile(filepath.Join(file, "notifications.jsonl"))
	require.ErrorContains(t, err, "creating the sink's folder")
}
