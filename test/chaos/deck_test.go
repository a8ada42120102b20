package chaos

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestADeckBeginsWithWhatNoRunHasReached(t *testing.T) {
	cells := Cells(SQLite)
	coverage := Coverage{Cells: map[string]int{}}
	for i, cell := range cells {
		if i%3 > 0 {
			coverage.Cells[cell.String()] = i % 3
		}
	}
	deck := NewDeck(5, cells, coverage)
	dealt := map[Cell]bool{}
	for len(dealt) < len(coverage.Missing(cells)) {
		hand := deck.Deal()
		for _, cell := range hand {
			assert.Equal(t, hand[0].Aim, cell.Aim)
			assert.Zero(t, coverage.Cells[cell.String()])
			assert.False(t, dealt[cell], "%v is dealt twice", cell)
			dealt[cell] = true
		}
		assert.LessOrEqual(t, len(hand), gathered)
		assert.True(t, len(hand) == 1 || hand[0].Aim.gathers(), "%v", hand)
	}
	assert.Equal(t, 1, coverage.Cells[deck.Deal()[0].String()], "then those that were reached once")
	assert.Equal(t, NewDeck(5, cells, coverage).Deal(), NewDeck(5, cells, coverage).Deal())
}

func TestAMissedCellComesAgainBeforeTheReachedOnes(t *testing.T) {
	cells := []Cell{{DropCall, "ShipOrder", Before}, {DropCall, "ShipOrder", After}}
	deck := NewDeck(1, cells, Coverage{})
	missed, reached := deck.Deal()[0], deck.Deal()[0]
	for range mostMisses - 1 {
		deck.Missed(missed)
		require.Equal(t, []Cell{missed}, deck.Deal())
	}
	deck.Missed(missed)
	assert.Equal(t, []Cell{reached}, deck.Deal(), "it is left to other seeds")
}
