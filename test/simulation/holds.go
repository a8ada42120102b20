package simulation

import (
	"errors"
	"strings"
	"time"

	"github.com/stretchr/testify/mock"

	"orderflow/workflows/contract"
)

// answerHolds stands in for the workflows that put services on hold. An order
// that asks for the release finds that nobody holds the service any more, or is
// told of its release later, or never.
func (r *run) answerHolds() {
	asked := 0
	r.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, contract.SignalAwaitRelease, mock.Anything).
		Return(func(_, holdID, _, _ string, _ any) error {
			asked++
			chance := r.saga.Scenario.chance("release", asked)
			if chance < 0.4 {
				return errors.New("no such workflow")
			}
			if chance < 0.8 {
				queue := strings.TrimPrefix(holdID, contract.HoldID(""))
				r.env.RegisterDelayedCallback(func() { r.env.SignalWorkflow(contract.SignalReleased, queue) },
					time.Duration(chance*float64(time.Minute)))
			}
			return nil
		})
}
