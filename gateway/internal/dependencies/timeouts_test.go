package dependencies

import (
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/workflows/contract"
)

// The decision on a release may meet a workflow task that is lost with its worker.
func TestADecisionIsWaitedForLongerThanALostTask(t *testing.T) {
	require.GreaterOrEqual(t, Timeouts{}.withDefaults().Release, contract.AnswerTimeout)
}
