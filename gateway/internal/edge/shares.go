package edge

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// shareRetry is what a caller is told to wait who holds as much as they may.
// What they hold lasts long, so that a second would be of no use.
const shareRetry = 5 * time.Second

// Shares bounds how much each caller may hold at once of what lasts long. A Gate
// alone would let one caller take every place there is; this leaves places to
// the others. It is safe for concurrent use.
type Shares struct {
	each int

	mu   sync.Mutex
	held map[string]int // by caller; who holds nothing is not in it
}

// NewShares returns shares of so many places each, of all that there are: half
// of them at most, and one at least.
func NewShares(each, all int) *Shares {
	return &Shares{each: max(min(each, all/2), 1), held: make(map[string]int)}
}

// Enter takes a place for the caller; call leave exactly once. Who holds all of
// theirs gets problem.RateLimited with RetryAfter.
func (s *Shares) Enter(caller string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[caller] >= s.each {
		return nil, problem.Newf(problem.RateLimited, "you have %d of these open already: wait until one has ended", s.each).
			WithRetryAfter(shareRetry)
	}
	s.held[caller]++
	return func() { s.leave(caller) }, nil
}

func (s *Shares) leave(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[caller]--; s.held[caller] == 0 {
		delete(s.held, caller)
	}
}

// Middleware serves a request only while its caller may hold one more. It stands
// behind what finds out who that is.
func (s *Shares) Middleware(caller func(context.Context) string) gin.HandlerFunc {
	return func(c *gin.Context) {
		leave, err := s.Enter(caller(c.Request.Context()))
		if err != nil {
			httpserver.Fail(c, err)
			c.Abort()
			return
		}
		defer leave()
		c.Next()
	}
}
