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
		shares := NewShares(each)
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

func TestAShareIsOneAtLeast(t *testing.T) {
	_, err := NewShares(0).Enter("ada")
	require.NoError(t, err, "a share of nothing would be a closed door")
}
