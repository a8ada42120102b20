package supervisor

import "time"

// Backoff is the pause before a process that ended by itself is started again.
// It doubles with every end, and starts over once the process has run well.
type Backoff struct {
	Min    time.Duration // first pause; 0 means 100 ms
	Max    time.Duration // longest pause; 0 means 5 s
	Stable time.Duration // a run of this length is one that went well; 0 means 10 s
}

func (b Backoff) withDefaults() Backoff {
	if b.Min == 0 {
		b.Min = 100 * time.Millisecond
	}
	if b.Max == 0 {
		b.Max = 5 * time.Second
	}
	if b.Stable == 0 {
		b.Stable = 10 * time.Second
	}
	return b
}

// next returns the pause after a run of the given length, and the pause to give
// to the following call. Previous is 0 for the first end.
func (b Backoff) next(previous, ran time.Duration) time.Duration {
	if previous == 0 || ran >= b.Stable {
		return b.Min
	}
	return min(2*previous, b.Max)
}
