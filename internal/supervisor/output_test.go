package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLevelIsReadFromTheFormsOfOurChildren(t *testing.T) {
	cases := map[string]Level{
		`{"level":"warn","msg":"x"}`:                                 Warn,
		`{"level":"error","msg":"x"}`:                                Error,
		`{"time":"2026-11-23T05:27:16Z","level":"info","msg":"x"}`:   Info,
		`{"msg":"no level"}`:                                         Text,
		`{broken`:                                                    Text,
		`time=2026-11-23T05:27:16.771 level=WARN msg="Failed"`:       Warn,
		`2026-11-23T05:27:17.096Z [ERROR] agent.server: error`:       Error,
		`2026-11-23T05:27:17.096Z [DEBUG] agent: level=ERROR quoted`: Debug,
		"2026-11-23T05:27:16Z\twarn\tmain.go:3\tslow":                Warn,
		`==> Starting Consul agent...`:                               Text,
		`panic: runtime error`:                                       Text,
		`msg="said level=ERROR"`:                                     Text,
		``:                                                           Text,
	}
	for line, want := range cases {
		assert.Equal(t, want, levelOf([]byte(line)), line)
	}
}

func TestLogLineIsShortOnTheTerminal(t *testing.T) {
	cases := map[string]string{
		`{"level":"error","time":"2026-11-23T06:10:14Z","caller":"rpc/client.go:261","msg":"request failed","component":"payment",` +
			`"instanceId":"payment-1","version":"dev","status":500,"error":"it is \"declined\"","orderId":"order-1","stacktrace":"main\n\tmain.go"}`: `ERROR request failed error="it is \"declined\"" orderId=order-1 status=500`,
		`{"level":"warn","msg":"bare"}`: `WARN bare`,
		`{"orderId":"order-1"}`:         `{"orderId":"order-1"}`,
		`{"level":"warn"}`:              `{"level":"warn"}`,
		`{broken`:                       `{broken`,
		`panic: no map`:                 `panic: no map`,
	}
	for line, want := range cases {
		assert.Equal(t, want, string(render([]byte(line))))
	}
}

func TestLinesAreTheSameHoweverTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[a-z\n]{0,8}`)).Draw(t, "pieces")
		var lines []string
		w := &lineWriter{emit: func(line []byte) { lines = append(lines, string(line)) }}
		for _, piece := range pieces {
			n, err := w.Write([]byte(piece))
			if n != len(piece) || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		w.flush()
		whole := strings.Join(pieces, "")
		var want []string
		if whole != "" {
			want = strings.Split(strings.TrimSuffix(whole, "\n"), "\n")
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") || len(lines) != len(want) {
			t.Fatalf("lines %q, want %q", lines, want)
		}
	})
}

func TestLongLineIsForwardedInPieces(t *testing.T) {
	var sizes []int
	w := &lineWriter{emit: func(line []byte) { sizes = append(sizes, len(line)) }}
	_, err := w.Write(append(bytes.Repeat([]byte("x"), 2*maxLine+1), "\r\n"...))
	require.NoError(t, err)
	assert.Equal(t, []int{maxLine, maxLine, 1}, sizes)
}

func TestTailKeepsTheLastLines(t *testing.T) {
	tail := &tail{}
	for i := range tailLines + 3 {
		tail.add(fmt.Append(nil, i))
	}
	lines := tail.lines()
	assert.Len(t, lines, tailLines)
	assert.Equal(t, "3", lines[0])
	assert.Equal(t, fmt.Sprint(tailLines+2), lines[len(lines)-1])
}

func TestFloodOfWarningsIsCutOffOnTheTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var terminal bytes.Buffer
		logs := NewLogs(LogConfig{Terminal: &terminal, Show: Warn})
		warning := []byte(`{"level":"warn"}`)
		for range 5 * burst {
			logs.line("workers-1", false, warning)
		}
		assert.Equal(t, burst+1, strings.Count(terminal.String(), "\n"))
		assert.True(t, strings.HasSuffix(terminal.String(), "… and more\n"))

		<-time.After(burstWindow + 1) // by the clock of the bubble
		logs.line("workers-1", false, warning)
		assert.Equal(t, burst+2, strings.Count(terminal.String(), "\n"), "a new window shows lines again")
	})
}

func TestLargeLogFileIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payment.log")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, maxLogFile))
	file, err := openLogFile(path)
	require.NoError(t, err)
	require.NoError(t, file.writeLine([]byte("fresh")))
	require.NoError(t, file.close())

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "fresh\n", string(text))
	assert.FileExists(t, path+".old")
}

func TestBackoffDoublesUpToItsLimitAndStartsOverAfterAGoodRun(t *testing.T) {
	b := Backoff{}.withDefaults()
	var pauses []time.Duration
	var pause time.Duration
	for range 8 {
		pause = b.next(pause, time.Second)
		pauses = append(pauses, pause)
	}
	assert.Equal(t, []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
		1600 * time.Millisecond, 3200 * time.Millisecond, 5 * time.Second, 5 * time.Second,
	}, pauses)
	assert.Equal(t, 100*time.Millisecond, b.next(pause, 10*time.Second))
}
