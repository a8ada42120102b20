package simulation

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/order"
)

// TestEveryStepMeetsEveryTrouble plays one order for each cell of the matrix.
func TestEveryStepMeetsEveryTrouble(t *testing.T) {
	services := Boot(t)
	outcomes := map[bool]map[string]*order.Saga{false: {}, true: {}}
	for _, cell := range Matrix(Natural) {
		t.Run(cell.String(), func(t *testing.T) {
			cell.Stock(t, services)
			var saga *Saga
			synctest.Test(t, func(*testing.T) {
				network := NewNetwork(services, cell.Pace)
				saga = NewSaga(cell.Scenario())
				network.Play(saga)
				dieAway(network)
			})
			outcomes[cell.FastWayOff][cell.Step+" "+string(cell.Trouble)] = cell.Judge(t, services, saga)
		})
	}
	assert.Equal(t, outcomes[false], outcomes[true], "both ways lead to the same end")

	report, err := judge(t).Verify(services, true)
	require.NoError(t, err)
	assert.Empty(t, report.Breaches())
}
