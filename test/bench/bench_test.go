package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/toolchain"
)

// TestBenchmark is `make bench`.
func TestBenchmark(t *testing.T) {
	if os.Getenv("ROUNDS") == "" {
		t.Skip("skipped: takes minutes, run it with make bench")
	}
	settings, ground := asked(t), groundFor(t)
	report, err := Run(t.Context(), settings, ground)
	require.NoError(t, err)
	require.Empty(t, report.Missing())
	t.Logf("\n%s", report.Markdown())
	page := filepath.Join(ground.Root, "docs", "benchmarks.md")
	require.NoError(t, Publish(page, report.Markdown()))
	t.Logf("written to %s", page)
}

// TestCompare is `make bench-compare`. WITH are settings of the second system,
// PROGRAMS is a folder with its programs: those of another revision.
func TestCompare(t *testing.T) {
	if os.Getenv("WITH") == "" && os.Getenv("PROGRAMS") == "" {
		t.Skip("skipped: takes minutes, run it with make bench-compare")
	}
	settings := asked(t)
	first, second := groundFor(t), groundFor(t)
	second.Environ, second.Programs = strings.Fields(os.Getenv("WITH")), os.Getenv("PROGRAMS")
	table, err := Compare(t.Context(), settings, first, second)
	require.NoError(t, err)
	t.Logf("\n%s", table)
}

// TestSoak is `make soak`.
func TestSoak(t *testing.T) {
	if os.Getenv("SOAK") == "" {
		t.Skip("skipped: takes minutes, run it with make soak")
	}
	const samples = 10
	growth, err := Soak(t.Context(), SoakSettings{Orders: number(t, "SOAK", 0), Outstanding: 50, Samples: samples}, groundFor(t))
	require.NoError(t, err)
	t.Logf("in %s\n\n%s", growth.Took.Round(time.Second), growth.Markdown())
	assert.Empty(t, growth.Grown())
}

// Nothing of what the page promises may be left out, and the page can hold it.
// How long anything took is not looked at.
func TestEveryRowIsMeasured(t *testing.T) {
	ground := groundFor(t)
	report, err := Run(t.Context(), Brief(), ground)
	require.NoError(t, err)
	require.Empty(t, report.Missing())

	table := report.Markdown()
	assert.NotContains(t, table, "NaN")
	for _, want := range []string{
		"| as shipped / floor 4 |", "| as shipped / floor N |", "| durable way / floor 4 |", "| durable way / floor N |",
		"| gateway |", "| workers-1 |", "| order |", "| temporal |", "| all |",
		"### Worker processes", "### Stored orders", "FencedWrite",
	} {
		assert.Contains(t, table, want)
	}
	page := filepath.Join(t.TempDir(), "benchmarks.md")
	text, err := os.ReadFile(filepath.Join(ground.Root, "docs", "benchmarks.md"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(page, text, 0o600))
	require.NoError(t, Publish(page, table))
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(written), table)
	before, _, _ := strings.Cut(string(text), tableBegins)
	assert.True(t, strings.HasPrefix(string(written), before), "what people have written stays")
}

func TestAReportTellsWhatItLacks(t *testing.T) {
	r := &Report{Settings: Brief()}
	missing := strings.Join(r.Missing(), "\n")
	for _, name := range sideNames() {
		assert.Contains(t, missing, name)
	}
	for _, what := range []string{"history", "20", "2w", readPage, "micro"} {
		assert.Contains(t, missing, what)
	}
}

// The short form runs one of them only.
func TestTheMicroBenchmarksExist(t *testing.T) {
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	for _, each := range micros() {
		files, err := filepath.Glob(filepath.Join(root, each.pkg, "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			found = found || strings.Contains(string(text), "\nfunc "+each.name+"(b *testing.B) {")
		}
		assert.True(t, found, "%s in %s", each.name, each.pkg)
	}
}

func groundFor(t *testing.T) Ground {
	t.Helper()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("skipped: needs /proc, for CPU and memory by process")
	}
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	return Ground{Root: root, Folder: t.TempDir(), Out: t.Output()}
}

// asked is the full form with what the environment asks for.
func asked(t *testing.T) Settings {
	t.Helper()
	settings := Full()
	settings.Rounds = number(t, "ROUNDS", settings.Rounds)
	settings.GrowthRounds = min(settings.GrowthRounds, settings.Rounds)
	settings.Orders = number(t, "ORDERS", settings.Orders)
	settings.Few, settings.Single = min(settings.Few, settings.Orders), min(settings.Single, settings.Orders)
	return settings
}

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	parsed, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return parsed
}
