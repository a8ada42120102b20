package servicetoken

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheLastValuesAreKeptAndNotMuchMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 8).Draw(t, "size")
		r := recent[int, int]{size: size}
		puts := rapid.SliceOf(rapid.IntRange(0, 30)).Draw(t, "puts")
		for i, key := range puts {
			r.put(key, i)
			assert.LessOrEqual(t, len(r.young)+len(r.old), 2*size)
			for back := max(0, i-size+1); back <= i; back++ {
				_, found := r.get(puts[back])
				assert.True(t, found)
			}
			last, _ := r.get(key)
			assert.Equal(t, i, last)
		}
	})
}
