package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/starter/internal/importer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is a buffer that may be written to from several goroutines.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestPlainLinesComeEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out screen
		display := New(&out, false, 998)
		<-time.After(time.Second)
		display.Advance(importer.Counts{Lines: 300, Shipped: 140, Cancelled: 3})
		display.Advance(importer.Counts{Lines: 299, Shipped: 139, Cancelled: 3})
		display.Note("orders.jsonl:7: wrong")
		<-time.After(2*time.Second + time.Millisecond)
		synctest.Wait()
		assert.Equal(t, "orders.jsonl:7: wrong\nimport: 300 of 998 lines, 100/s, 7s left; 140 shipped, 3 cancelled, 0 failed\n", out.String())

		display.Close()
		display.Close()
		display.Note("late")
		<-time.After(time.Minute)
		assert.Equal(t, 2, strings.Count(out.String(), "\n"), "nothing after Close")
	})
}

func TestAnUnknownTotalHasNoTimeLeft(t *testing.T) {
	assert.Equal(t, "import: 10 lines, 5/s; 10 shipped, 0 cancelled, 0 failed",
		statusLine(importer.Counts{Lines: 10, Shipped: 10}, importer.UnknownTotal, 2*time.Second))
	assert.Equal(t, "import: 0 of 10 lines, 0/s; 0 shipped, 0 cancelled, 0 failed",
		statusLine(importer.Counts{}, 10, 2*time.Second))
}

func TestTheBarShowsCountRateAndOutcomes(t *testing.T) {
	for name, total := range map[string]int{"known total": 4, "unknown total": importer.UnknownTotal} {
		t.Run(name, func(t *testing.T) {
			var out screen
			display := New(&out, true, total)
			display.Advance(importer.Counts{Lines: 2, Shipped: 1, Cancelled: 1})
			display.Advance(importer.Counts{Lines: 4, Shipped: 2, Cancelled: 1, Failed: 1})
			display.Advance(importer.Counts{Lines: 3, Shipped: 2, Cancelled: 1})
			display.Close()

			last := lastDrawn(out.String())
			assert.Contains(t, last, "2 shipped, 1 cancelled, 1 failed")
			assert.Contains(t, last, "lines/")
			assert.True(t, strings.HasSuffix(last, "\n"), "the shell's prompt gets a line of its own")
			if total > 0 {
				assert.Contains(t, last, "4/4")
			}
		})
	}
}

func TestANoteStandsAboveTheBar(t *testing.T) {
	var out screen
	display := New(&out, true, 1000)
	display.Advance(importer.Counts{Lines: 2, Shipped: 2})
	display.Note("orders.jsonl:7: wrong")
	display.Advance(importer.Counts{Lines: 3, Shipped: 2, Failed: 1})
	text := out.String()
	require.Contains(t, text, "\rorders.jsonl:7: wrong\n", "the bar was cleared before")
	assert.Contains(t, lastDrawn(text), "2 shipped, 0 cancelled, 1 failed")

	display.Close()
	display.Note("late")
	assert.NotContains(t, out.String(), "late")
}

// lastDrawn is what stands on the terminal's last line.
func lastDrawn(text string) string { return text[strings.LastIndex(text, "\r")+1:] }

func TestABarOfNothingShowsNothing(t *testing.T) {
	var out screen
	New(&out, true, 0).Close()
	assert.Empty(t, out.String())
}
