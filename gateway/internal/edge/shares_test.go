package edge

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/problem"
)

// Nobody holds more than their share, nobody is refused who holds less, and
// nothing is kept of who holds nothing.
func TestEachCallerHasTheirShareAndNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		each := rapid.IntRange(1, 3).Draw(t, "each")
		shares := NewShares(each, 10)
		held := map[string][]func(){}
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			caller := rapid.SampledFrom([]string{"ada", "bob", "eve"}).Draw(t, "caller")
			if open := held[caller]; len(open) > 0 && rapid.Bool().Draw(t, "leaves") {
				open[0]()
				held[caller] = open[1:]
				continue
			}
			leave, err := shares.Enter(caller)
			if len(held[caller]) < each {
				require.NoError(t, err)
				held[caller] = append(held[caller], leave)
				continue
			}
			var refusal *problem.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, problem.RateLimited, refusal.Code)
			assert.Equal(t, shareRetry, refusal.RetryAfter)
		}
		for _, open := range held {
			for _, leave := range open {
				leave()
			}
		}
		assert.Empty(t, shares.held)
	})
}

// Whatever the settings say: all of them would be no share, and nothing a closed
// door.
func TestAShareIsHalfOfThePlacesAtMostAndOneAtLeast(t *testing.T) {
	for _, test := range []struct{ each, all, want int }{
		{4, 10, 4}, {5, 10, 5}, {6, 10, 5}, {10, 10, 5}, {100, 50, 25}, {2, 3, 1}, {5, 1, 1}, {0, 10, 1},
	} {
		shares, taken := NewShares(test.each, test.all), 0
		for ; taken <= test.all; taken++ {
			if _, err := shares.Enter("ada"); err != nil {
				break
			}
		}
		assert.Equal(t, test.want, taken, "%d of %d", test.each, test.all)
	}
}
