package discovery

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/resilience"
)

func TestInstanceThatIsAbsentForAMomentComesBackAsItWas(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 3, "b", resilience.Failure)
		held := pickFrom(t, r, "a")
		before := r.status().Instances[1]
		for range 5 {
			advance(time.Second)
			r.publish([]Instance{instanceC})
			advance(time.Second)
			r.publish([]Instance{instanceA, instanceB, instanceC})
		}
		after := r.status()
		assert.Equal(t, before, after.Instances[1], "it is ejected for no less than before")
		assert.Equal(t, int64(1), after.Instances[0].InFlight)
		assert.Zero(t, r.newest.Load(), "nobody joined")
		held.Done(resilience.Success)
		assert.Zero(t, r.status().Instances[0].InFlight)
	}, instanceA, instanceB, instanceC)
}

func TestEjectionsOfAnInstanceThatComesAndGoesGrow(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		for _, lasts := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
			endTimes(t, r, 3, "b", resilience.Failure)
			assert.Equal(t, lasts, time.Until(r.status().Instances[1].EjectedUntil))
			r.publish([]Instance{instanceA, instanceC})
			advance(lasts)
			r.publish([]Instance{instanceA, instanceB, instanceC})
			endTimes(t, r, 1, "b", resilience.Success) // the probe
		}
	}, instanceA, instanceB, instanceC)
}

func TestInstancesThatAreGoneForGoodAreForgotten(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		for i := range 100 {
			advance(time.Minute)
			r.publish([]Instance{testInstance(fmt.Sprintf("i%d", i), 1+i)})
		}
		assert.LessOrEqual(t, len(r.departed), 5)
	}, instanceA)
}
