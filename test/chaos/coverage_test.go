package chaos

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCoverageCountsWhatWasReached(t *testing.T) {
	here, there := Cell{KillTemporal, "ChargePayment", During}, Cell{KillTemporal, "ShipOrder", After}
	aimed := Outcome{Fault: Fault{Number: 1, Way: Aimed, Cells: []Cell{here, there}}}
	aimed.Met = []Meeting{{Cell: here, Reached: true}, {Cell: there, Missed: "no call came"}}
	vain := Outcome{Fault: Fault{Number: 3, Way: Killed}, Missed: "it did not run"}
	coverage := Coverage{Cells: map[string]int{}, Ways: map[Way]int{}}
	outcomes := []Outcome{aimed, aimed, {Fault: Fault{Number: 2, Way: Reset}}, vain}
	reached, first := coverage.Count(outcomes)
	assert.Equal(t, 2, reached)
	assert.Equal(t, 1, first)
	assert.Equal(t, map[string]int{"kill Temporal, during ChargePayment": 2}, coverage.Cells)
	assert.Equal(t, map[Way]int{Reset: 1}, coverage.Ways)

	path := filepath.Join(t.TempDir(), "coverage.json")
	require.NoError(t, coverage.Write(path))
	again, err := ReadCoverage(path)
	require.NoError(t, err)
	assert.Equal(t, coverage, again)
}

func TestTheTableTellsWhatCannotHappenFromWhatThisMachineCannotDo(t *testing.T) {
	coverage := Coverage{Cells: map[string]int{"kill Temporal, during ChargePayment": 2}, Ways: map[Way]int{Frozen: 4}}
	table := coverage.Table(SQLite, Tools{NoDisk: "needs root, to mount a file system"})
	assert.True(t, strings.HasPrefix(table, "before/during/after"))
	assert.Contains(t, table, "1 of 466 cells that can happen on sqlite have happened")
	assert.Contains(t, table, "39 cells cannot happen: SQLite has no server")
	assert.Contains(t, table, "36 cells are skipped: needs root, to mount a file system")
	assert.Contains(t, table, "frozen 4,")
}
