package chaos

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
)

// Deck is the order in which a run aims at cells: those that no run has reached
// yet, shuffled by the seed, and then the others, the rarest first. The same
// seed and the same coverage make the same deck.
type Deck struct {
	mu sync.Mutex
	// fresh cells were not reached by any run, and known ones were.
	fresh, known []Cell
	misses       map[Cell]int
}

const (
	// gathered is how many cells a fault may have that breaks what all orders
	// share: more seldom meet at one moment.
	gathered = 4
	// mostMisses is how often a run misses a cell, before it leaves it to other
	// seeds.
	mostMisses = 3
)

// NewDeck makes the deck of a seed from the cells that can happen.
func NewDeck(seed uint64, cells []Cell, coverage Coverage) *Deck {
	d := &Deck{misses: map[Cell]int{}}
	shuffled := slices.Clone(cells)
	random := rand.New(rand.NewPCG(seed, 7))
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	slices.SortStableFunc(shuffled, func(a, b Cell) int {
		return cmp.Compare(coverage.Cells[a.String()], coverage.Cells[b.String()])
	})
	for _, cell := range shuffled {
		if coverage.Cells[cell.String()] == 0 {
			d.fresh = append(d.fresh, cell)
		} else {
			d.known = append(d.known, cell)
		}
	}
	return d
}

// Deal takes the cells of the next fault from the top of the deck, the first one
// and with it, where one fault can meet several, the next ones of its kind. They
// go to the bottom.
func (d *Deck) Deal() []Cell {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := &d.fresh
	if len(d.fresh) == 0 {
		from = &d.known
	}
	if len(*from) == 0 {
		return nil // nothing can happen at all
	}
	first := (*from)[0]
	var dealt []Cell
	*from = slices.DeleteFunc(*from, func(c Cell) bool {
		fits := len(dealt) == 0 || first.Aim.gathers() && c.Aim == first.Aim && len(dealt) < gathered
		if fits {
			dealt = append(dealt, c)
		}
		return fits
	})
	d.known = append(d.known, dealt...)
	return dealt
}

// Missed puts a cell that was dealt and not reached behind those that were not
// dealt yet.
func (d *Deck) Missed(cell Cell) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.Index(d.known, cell)
	if d.misses[cell]++; at < 0 || d.misses[cell] >= mostMisses {
		return
	}
	d.known = slices.Delete(d.known, at, at+1)
	d.fresh = append(d.fresh, cell)
}

// Misses is how often a cell was dealt and not reached.
func (d *Deck) Misses(cell Cell) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.misses[cell]
}
