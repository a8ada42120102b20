package e2e_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"orderflow/internal/rpc"
)

// halted is a service whose process does not run on, and which thereby keeps
// an order in the middle of an activity.
type halted struct{ service, activity string }

// halt places an order and leaves it in the middle of the last activity: its
// call is in flight, and stays so until the service is resumed. The ones before
// lead there: each ends when the next service does not run on any more.
func (s *shop) halt(name string, p purchase, at ...halted) (orderID string) {
	s.t.Helper()
	s.stockUp(name)
	s.signal(at[0].service, syscall.SIGSTOP)
	orderID = s.placeAgain(name, name, p)
	for i, here := range at {
		s.awaitActivity(orderID, here.activity, inFlight)
		if i+1 < len(at) {
			s.signal(at[i+1].service, syscall.SIGSTOP)
			s.resume(here.service)
		}
	}
	return orderID
}

// resume lets a service go on.
func (s *shop) resume(service string) { s.t.Helper(); s.signal(service, syscall.SIGCONT) }

func (s *shop) signal(process string, signal syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.Supervisor().Signal(process, signal))
}

// awaitActivity waits until an order is on the durable way of an activity, and
// as far there as is wanted.
func (s *shop) awaitActivity(orderID, name string, wanted func(*workflowpb.PendingActivityInfo) bool) {
	s.t.Helper()
	s.eventually(func() bool {
		described, err := s.workflows.DescribeWorkflowExecution(s.t.Context(), orderID, "")
		if err != nil {
			return false
		}
		for _, pending := range described.GetPendingActivities() {
			if pending.GetActivityType().GetName() == name && wanted(pending) {
				return true
			}
		}
		return false
	}, "%s at %s", orderID, name)
}

func begun(*workflowpb.PendingActivityInfo) bool { return true }

func inFlight(pending *workflowpb.PendingActivityInfo) bool {
	return pending.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED
}

// answerLost reports that the connection of a call was closed without an
// answer.
func answerLost(pending *workflowpb.PendingActivityInfo) bool {
	return pending.GetLastFailure().GetApplicationFailureInfo().GetType() == string(rpc.Unavailable)
}

// takeAway makes a service unreachable: it does not run on, and nobody is sent
// to it. bringBack ends that.
func (s *shop) takeAway(service string) {
	s.t.Helper()
	s.signal(service, syscall.SIGSTOP)
	s.maintain(service, true)
}

func (s *shop) bringBack(service string) {
	s.t.Helper()
	s.resume(service)
	s.maintain(service, false)
}

// maintain switches Consul's maintenance of a service's first instance.
func (s *shop) maintain(service string, on bool) {
	s.t.Helper()
	url := fmt.Sprintf("http://%s/v1/agent/service/maintenance/%s-1?enable=%t", s.ConsulAddr(), service, on)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, url, nil)
	require.NoError(s.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	require.Equal(s.t, http.StatusOK, response.StatusCode, url)
}

// divert sends all calls of a service to another instance of it, which has the
// same database and the faults. It returns what ends that.
func (s *shop) divert(service, faults string) (restore func()) {
	s.t.Helper()
	twin := service + "-2"
	s.takeAway(service)
	s.run(twin, service, func() bool { return len(s.instances(service)) == 1 },
		"ORDERFLOW_INSTANCE_ID="+twin, "ORDERFLOW_FAULTS="+faults,
		"ORDERFLOW_DSN=sqlite:"+filepath.Join(s.DataDir(), service+".db"))
	return func() {
		s.t.Helper()
		s.bringBack(service)
		require.NoError(s.t, s.Supervisor().Remove(s.t.Context(), twin))
	}
}
