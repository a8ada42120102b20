package deployment_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/workers/internal/deployment"
)

func TestAVersionIsNamedSoThatTemporalCanTellItFromOthers(t *testing.T) {
	for name, test := range map[string]struct {
		version deployment.Version
		wrong   string // the setting, or ""
	}{
		"a release":          {deployment.Version{Deployment: "orderflow", BuildID: "v1.2.3"}, ""},
		"a revision":         {deployment.Version{Deployment: "order-flow_2", BuildID: "4f2c9e1+dirty"}, ""},
		"no name":            {deployment.Version{BuildID: "v1"}, "--deployment (ORDERFLOW_DEPLOYMENT)"},
		"Temporal's own dot": {deployment.Version{Deployment: "a.b", BuildID: "v1"}, "--deployment"},
		"Temporal's colon":   {deployment.Version{Deployment: "a:b", BuildID: "v1"}, "--deployment"},
		"Temporal's prefix":  {deployment.Version{Deployment: "__a", BuildID: "v1"}, "--deployment"},
		"a long name":        {deployment.Version{Deployment: strings.Repeat("a", 64), BuildID: "v1"}, "--deployment"},
		"no build":           {deployment.Version{Deployment: "orderflow"}, "--build-id (ORDERFLOW_BUILD_ID)"},
		"a build of any day": {deployment.Version{Deployment: "orderflow", BuildID: "dev"}, "--build-id"},
		"a quote":            {deployment.Version{Deployment: "orderflow", BuildID: "v'1"}, "--build-id"},
		"a long build":       {deployment.Version{Deployment: "orderflow", BuildID: strings.Repeat("a", 128)}, "--build-id"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.version.Validate()
			if test.wrong == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wrong)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestWorkersHaveVersionsOnlyInADeployment(t *testing.T) {
	require.Zero(t, deployment.Version{}.WorkerOptions())
	require.Empty(t, deployment.Version{}.String())

	version := deployment.Version{Deployment: "orderflow", BuildID: "v2"}
	require.Equal(t, worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: "orderflow", BuildID: "v2"},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}, version.WorkerOptions())
	require.Equal(t, "orderflow:v2", version.String())
}
