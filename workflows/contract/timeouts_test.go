package contract_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/workflows/contract"
)

// What lies around these times in single programs is tested there: how long the
// gateway waits for an answer, and when the workers' own calls give up.
func TestTimeoutsNest(t *testing.T) {
	const (
		// report is when a worker reports in a workflow task that takes long.
		report = contract.WorkflowTaskTimeout * 4 / 5
		// formerReport is that of orders that began before tasks had a timeout of
		// their own.
		formerReport = 10 * time.Second * 4 / 5
	)
	for _, nested := range []struct {
		inside, around time.Duration
		// margin is what the difference has room for.
		margin time.Duration
		what   string
	}{
		{contract.FastAttempt, contract.FastTimeout, 300 * time.Millisecond, "the call of a fast attempt in its local activity"},
		{contract.FastTimeout, report, 0, "a fast attempt in a workflow task that is not prolonged"},
		{contract.FastTimeout, contract.AttemptTimeout, time.Second, "a fast attempt, to a durable one"},
		{contract.WorkflowTaskTimeout, contract.AnswerTimeout, 500 * time.Millisecond, "a workflow task that is lost in the wait for an answer"},
		{report + contract.FastTimeout, contract.ClosedGrace, time.Second, "what a worker still does of a workflow that was closed"},
		{formerReport + contract.FastTimeout, contract.ClosedGrace, time.Second, "what it still does of one of before"},
	} {
		require.Greater(t, nested.around, nested.inside+nested.margin, nested.what)
	}
}
