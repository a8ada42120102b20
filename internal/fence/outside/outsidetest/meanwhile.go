package outsidetest

import (
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// Meanwhile draws what happens at each point of a wire: nothing, a break, or
// that another process goes first with one of the actions, each over a wire of
// its own that breaks at breaks.
func Meanwhile(t *rapid.T, actions map[string]func(breaks func(Point) error)) func(Point) error {
	breaks := func(here Point) error {
		if rapid.IntRange(0, 3).Draw(t, "breaks "+string(here)) == 0 {
			return ErrBroken
		}
		return nil
	}
	names := slices.Sorted(maps.Keys(actions))
	draws := slices.Concat(make([]string, len(names)), names) // nothing as often as something
	return func(here Point) error {
		drawn := rapid.SampledFrom(draws).Draw(t, "meanwhile "+string(here))
		if act := actions[drawn]; act != nil {
			act(breaks)
		}
		return breaks(here)
	}
}
