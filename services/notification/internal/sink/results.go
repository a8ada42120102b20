package sink

import (
	"errors"
	"fmt"
)

// ErrNotTried reports a message whose turn had not come when the time for the
// delivery was over. It has not been sent, and no attempt was made.
var ErrNotTried = errors.New("the time was over before the message's turn")

// RefusedError reports a message that will never be taken: trying it again is
// of no use.
type RefusedError struct {
	// Err is the reason. Its text names no customer and no address.
	Err error
}

// Error says that it is final, and why.
func (e *RefusedError) Error() string { return fmt.Sprintf("refused for good: %v", e.Err) }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// fill sets every result to the same error.
func fill(results []error, err error) {
	for i := range results {
		results[i] = err
	}
}
