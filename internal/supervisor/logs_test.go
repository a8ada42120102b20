//go:build unix

package supervisor_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/supervisor"
)

// screen is a terminal for tests.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestEverythingGoesToTheFileAndWarningsToTheTerminal(t *testing.T) {
	terminal := &screen{}
	logs := supervisor.NewLogs(supervisor.LogConfig{Dir: t.TempDir(), Terminal: terminal, Show: supervisor.Warn})
	s := start(t, supervisor.Options{Logs: logs}, child(t.TempDir(), "payment", "speak"))
	require.NoError(t, s.Stop())
	require.NoError(t, logs.Close())

	file, err := os.ReadFile(logs.Path("payment"))
	require.NoError(t, err)
	assert.Equal(t, `{"level":"info","msg":"quiet"}`+"\n"+`{"level":"warn","msg":"loud"}`+"\n"+`{"level":"error","msg":"lost"}`+"\nno line end\n", string(file))
	assert.Equal(t, "payment        │ WARN loud\npayment        │ ERROR lost\npayment        │ no line end\n", terminal.String())
}

func TestBannersAndWarningsOfOtherPeoplesServersStayInTheFile(t *testing.T) {
	terminal := &screen{}
	logs := supervisor.NewLogs(supervisor.LogConfig{Terminal: terminal, Show: supervisor.Warn})
	consul := child(t.TempDir(), "consul", "speak")
	consul.OnlyErrors = true
	s := start(t, supervisor.Options{Logs: logs}, consul)
	require.NoError(t, s.Stop())
	assert.Equal(t, "consul         │ ERROR lost\n", terminal.String())
}

func TestMutedLogsLeaveTheTerminalAlone(t *testing.T) {
	terminal := &screen{}
	logs := supervisor.NewLogs(supervisor.LogConfig{Terminal: terminal})
	logs.Mute()
	s := start(t, supervisor.Options{Logs: logs}, child(t.TempDir(), "payment", "speak"))
	require.NoError(t, s.Stop())
	assert.Empty(t, terminal.String())
}
