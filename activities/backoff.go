package activities

import "time"

// The brief's numbers. Temporal adds no jitter to an activity's retries and
// does not cap a delay that the activity asks for, so both happen here.
const (
	baseDelay  = time.Second
	factor     = 2
	longest    = 10 * time.Second
	jitterPart = 0.3

	// longestRetryAfter bounds what a target may ask for: a breaker stays
	// open for 30 s, a wish beyond that is not believed.
	longestRetryAfter = 30 * time.Second
)

// backoff is the delay before the next attempt: exponential from 1 s by 2,
// plus 0 to 30 % jitter, at most 10 s. attempt counts from 1, on both ways; chance is
// uniform in [0, 1).
func backoff(attempt int, chance float64) time.Duration {
	delay := baseDelay
	for n := 1; n < attempt && delay < longest; n++ {
		delay *= factor
	}
	return min(spread(delay, chance), longest)
}

// spread adds 0 to 30 %, so that those who failed together do not come back
// together.
func spread(delay time.Duration, chance float64) time.Duration {
	return delay + time.Duration(chance*jitterPart*float64(delay))
}
