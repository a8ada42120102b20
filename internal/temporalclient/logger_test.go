package temporalclient_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/temporalclient"
)

// lockedBuffer takes lines from several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestTemporalsLinesKeepLevelFieldsAndCaller(t *testing.T) {
	core, observed := observer.New(zap.DebugLevel)
	logger := log.With(temporalclient.NewLogger(zap.New(core, zap.AddCaller())), "WorkflowID", "order-7")

	logger.Debug("debug")
	logger.Info("info", "attempt", 2)
	logger.Warn("warn", 7, "seven", "alone")
	logger.Error("error")
	oneUp(log.Skip(logger, 1))

	lines := observed.All()
	require.Len(t, lines, 5)
	for i, want := range []string{"debug", "info", "warn", "error", "info"} {
		assert.Equal(t, want, lines[i].Level.String())
		assert.Equal(t, "order-7", lines[i].ContextMap()["orderId"])
		assert.Contains(t, lines[i].Caller.File, "logger_test.go")
		assert.Contains(t, lines[i].Caller.Function, "TestTemporalsLinesKeepLevelFieldsAndCaller", "line %d", i)
	}
	assert.EqualValues(t, 2, lines[1].ContextMap()["attempt"])
	assert.Equal(t, "seven", lines[2].ContextMap()["7"])
	assert.Equal(t, "alone", lines[2].ContextMap()["unpaired"])
}

// oneUp logs as if its caller did.
func oneUp(logger log.Logger) { logger.Info("skipped") }
