package resilience

import (
	"time"

	"pgregory.net/rapid"
)

// advance lets virtual time pass. Call it only inside a synctest bubble.
func advance(d time.Duration) { <-time.After(d) }

// inBubble makes rapid run inside a synctest bubble, where a test has no
// deadline and must not be asked for it.
type inBubble struct{ rapid.TB }
