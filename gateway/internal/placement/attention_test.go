package placement_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/gateway/internal/placement"
)

// startMany starts order-0, order-1 and so on, in this order.
func startMany(t *testing.T, placements *placement.Placements, count int) {
	t.Helper()
	for i := range count {
		placed := input("")
		placed.OrderID = fmt.Sprint("order-", i)
		require.NoError(t, placements.Start(t.Context(), placed))
	}
}

func idsOf(orders []placement.Listed) []string {
	ids := []string{}
	for _, order := range orders {
		ids = append(ids, order.OrderID)
	}
	return ids
}

func TestFlaggedListsOpenOrdersThatNeedSomebodyLatestFirst(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, placement.Timeouts{})
	startMany(t, placements, 6)
	for _, id := range []string{"order-1", "order-3", "order-4", "order-5"} {
		server.Flag(id)
	}
	server.Close("order-4", enumspb.WORKFLOW_EXECUTION_STATUS_FAILED)

	orders, total, err := placements.Flagged(t.Context(), 0, 10)
	require.NoError(t, err)
	assert.Equal(t, []string{"order-5", "order-3", "order-1"}, idsOf(orders))
	assert.EqualValues(t, 3, total)
	assert.Equal(t, "cust-ada", orders[0].CustomerID)
	assert.True(t, orders[0].StartedAt.After(orders[1].StartedAt))
	assert.Equal(t, placement.Listed{OrderID: "order-5", CustomerID: "cust-ada", StartedAt: orders[0].StartedAt}, orders[0])
}

// The store may give less than was asked for, and goes on with a token.
func TestFlaggedReadsAnyPartOfTheList(t *testing.T) {
	for _, pageSize := range []int{0, 1, 2, 3} {
		server := &temporalServer{PageSize: pageSize}
		placements := placement.New(server, nil, placement.Timeouts{})
		startMany(t, placements, 5)
		for i := range 5 {
			server.Flag(fmt.Sprint("order-", i))
		}
		for _, part := range []struct {
			offset, limit int
			ids           []string
		}{
			{0, 2, []string{"order-4", "order-3"}},
			{2, 2, []string{"order-2", "order-1"}},
			{4, 2, []string{"order-0"}},
			{6, 2, []string{}},
			{0, 0, []string{}},
			{3, 0, []string{}},
		} {
			orders, total, err := placements.Flagged(t.Context(), part.offset, part.limit)
			require.NoError(t, err)
			assert.Equal(t, part.ids, idsOf(orders), "%+v of pages of %d", part, pageSize)
			assert.EqualValues(t, 5, total)
		}
	}
}

func TestStoppedListsEachOrderOnceLatestEndFirst(t *testing.T) {
	server := &temporalServer{}
	placements := placement.New(server, nil, placement.Timeouts{})
	startMany(t, placements, 6)
	server.Close("order-0", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	server.Restart("order-0")
	server.Close("order-1", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	server.Close("order-2", enumspb.WORKFLOW_EXECUTION_STATUS_FAILED)
	server.Close("order-3", enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED)
	server.Close("order-4", enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT)
	server.Close("order-0", enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)

	orders, err := placements.Stopped(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"order-0", "order-4"}, idsOf(orders))
	assert.Equal(t, []placement.Stop{placement.Terminated, placement.TimedOut}, []placement.Stop{orders[0].Stop, orders[1].Stop})
	assert.Equal(t, "cust-ada", orders[0].CustomerID)
	assert.Positive(t, orders[0].StoppedAt.Sub(orders[1].StoppedAt))
	assert.Less(t, time.Duration(0), orders[1].StoppedAt.Sub(orders[1].StartedAt))
}
