package faults

import (
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// Switch has the faults of the moment, so that an outage can begin and end
// while the service runs. It is safe for concurrent use.
type Switch struct {
	now atomic.Pointer[Spec]
}

// NewSwitch returns a switch that begins with these faults.
func NewSwitch(spec Spec) *Switch {
	s := &Switch{}
	s.Set(spec)
	return s
}

// Set replaces the faults. A request that is being delayed already stays so for
// the latency that it began with.
func (s *Switch) Set(spec Spec) { s.now.Store(&spec) }

// Spec is what the faults are now.
func (s *Switch) Spec() Spec { return *s.now.Load() }

// Middleware is that of the faults of the moment; see Spec.Middleware.
func (s *Switch) Middleware(random func() float64) gin.HandlerFunc {
	return func(c *gin.Context) { s.Spec().inject(c, random) }
}
