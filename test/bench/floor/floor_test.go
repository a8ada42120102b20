package floor

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/workflows/contract"
)

func TestTheFloorHasAsManyCallsAsAnOrderHasSteps(t *testing.T) {
	assert.Equal(t, len(contract.Steps()), Calls(Steps))
	assert.Equal(t, 4, Calls(Four))
	for _, service := range services {
		assert.Contains(t, contract.Queues(), service)
	}
}
