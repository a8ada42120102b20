package chaos

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/toolchain"
)

// TestEveryDefectIsFound is `make chaos-defects`. It takes a minute for each.
func TestEveryDefectIsFound(t *testing.T) {
	wanted := os.Getenv("DEFECT")
	if wanted == "" {
		t.Skip("skipped: takes ten minutes, run it with make chaos-defects")
	}
	for _, defect := range Defects() {
		if wanted != "all" && wanted != defect.Name {
			continue
		}
		t.Run(defect.Name, func(t *testing.T) {
			t.Log(defect.Breaks)
			settings := settingsFor(t, SQLite)
			settings.Defect = defect.Name
			if os.Getenv("ORDERS") == "" {
				settings.Orders, settings.Lasts = 150, 30*time.Second
			}
			report, _ := play(t, settings)
			t.Logf("\n%s", report)
			var broken []int
			for _, breach := range report.Breaches {
				broken = append(broken, breach.Invariant)
			}
			slices.Sort(broken)
			require.NotEmpty(t, report.Breaches, "nobody has noticed that %s", defect.Breaks)
			assert.Condition(t, func() bool {
				return slices.ContainsFunc(defect.Invariants, func(number int) bool { return slices.Contains(broken, number) })
			}, "it is noticed by %v instead of %v", slices.Compact(broken), defect.Invariants)
		})
	}
}

// A defect whose text has gone from the sources would be found by nobody, and
// without it the run would be green for the wrong reason.
func TestEveryDefectCanBePlanted(t *testing.T) {
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	for _, defect := range Defects() {
		_, err := defect.overlay(root, t.TempDir()+"/programs")
		assert.NoError(t, err, defect.Name)
	}
	assert.Len(t, Defects(), 10)
	lost := Defect{Changes: []Change{{File: "go.mod", Old: "no such text"}}}
	_, err = lost.overlay(root, t.TempDir()+"/programs")
	require.ErrorContains(t, err, "0 times")
}
