package deployment_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"orderflow/workers/internal/deployment"
)

func TestOnlyTheVersionsOwnLivingWorkersCount(t *testing.T) {
	now := time.Now()
	versioned, unversioned := enumspb.WORKER_VERSIONING_MODE_VERSIONED, enumspb.WORKER_VERSIONING_MODE_UNVERSIONED
	for name, test := range map[string]struct {
		deployment, build string
		mode              enumspb.WorkerVersioningMode
		seen              time.Duration // ago
		alive             bool
	}{
		"in the middle of a poll":         {"orderflow", "v2", versioned, time.Minute, true},
		"gone, and still remembered":      {"orderflow", "v2", versioned, 2 * time.Minute, false},
		"of another version":              {"orderflow", "v1", versioned, 0, false},
		"of another deployment":           {"elsewhere", "v2", versioned, 0, false},
		"of the version, but unversioned": {"orderflow", "v2", unversioned, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			poller := &taskqueuepb.PollerInfo{
				LastAccessTime: timestamppb.New(now.Add(-test.seen)),
				DeploymentOptions: &deploymentpb.WorkerDeploymentOptions{
					DeploymentName: test.deployment, BuildId: test.build, WorkerVersioningMode: test.mode,
				},
			}
			require.Equal(t, test.alive, deployment.IsAlive(poller, deployment.Version{Deployment: "orderflow", BuildID: "v2"}, now))
		})
	}
	require.False(t, deployment.IsAlive(&taskqueuepb.PollerInfo{LastAccessTime: timestamppb.New(now)},
		deployment.Version{Deployment: "orderflow", BuildID: "v2"}, now), "a worker of no deployment")
}
