package edge

import (
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// shedRetry is what a client is told to wait when the gate is full.
const shedRetry = time.Second

// Gate bounds how many requests are served at once: load shedding. Nothing
// waits at it. A server that is full keeps its memory and its answers' times by
// refusing at once, and what it refuses has cost it nothing yet. It is safe for
// concurrent use.
type Gate struct{ places chan struct{} }

// NewGate returns a gate for so many requests, from 1.
func NewGate(places int) *Gate { return &Gate{places: make(chan struct{}, max(places, 1))} }

// Enter takes a place; call leave exactly once. Without a free one the error is
// problem.Unavailable with RetryAfter.
func (g *Gate) Enter() (leave func(), err error) {
	select {
	case g.places <- struct{}{}:
		return g.leave, nil
	default:
		return nil, problem.New(problem.Unavailable, "too much is going on at once").WithRetryAfter(shedRetry)
	}
}

func (g *Gate) leave() { <-g.places }

// Middleware serves a request only while there is a place for it. It stands
// before everything that costs something, such as the check of a token.
func (g *Gate) Middleware(c *gin.Context) {
	leave, err := g.Enter()
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	defer leave()
	c.Next()
}
