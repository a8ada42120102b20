package deployment

import (
	"regexp"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/config"
)

// Version names one version of a worker deployment. The zero value is that of
// workers without versions.
type Version struct {
	Deployment string
	BuildID    string
}

// unknownBuild is the version of a program that the linker gave none.
const unknownBuild = "dev"

// Temporal writes both into one text, "orderflow:v2", and into queries.
var (
	deploymentForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	buildForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,126}$`)
)

// Validate refuses a name that Temporal would not take, and a build ID that
// does not tell one build from another: an order that is pinned to "dev" would
// meet whatever was built last. The error names the setting.
func (v Version) Validate() error {
	if err := ValidateName(v.Deployment); err != nil {
		return err
	}
	if v.BuildID == "" || v.BuildID == unknownBuild {
		return config.Wrong("build-id", "%q does not say which build this is; set it, or build with -ldflags '-X main.version=…'", v.BuildID)
	}
	if !buildForm.MatchString(v.BuildID) {
		return config.Wrong("build-id", "%q is no version of 1 to 127 letters, digits and . _ + -", v.BuildID)
	}
	return nil
}

// ValidateName refuses a deployment's name that Temporal would not take. The
// error names the setting.
func ValidateName(deployment string) error {
	if !deploymentForm.MatchString(deployment) {
		return config.Wrong("deployment", "%q is no name of 1 to 63 letters, digits, - and _", deployment)
	}
	return nil
}

// String is how Temporal writes the version, also in its search attribute
// TemporalWorkerDeploymentVersion: "orderflow:v2". It is empty for workers
// without versions.
func (v Version) String() string {
	if v.Deployment == "" {
		return ""
	}
	return v.Deployment + ":" + v.BuildID
}

// WorkerOptions are those of a worker of this version. Workflows are pinned
// unless their registration says otherwise: they end on the version that they
// began on.
func (v Version) WorkerOptions() worker.DeploymentOptions {
	if v.Deployment == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   v.temporal(),
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
}

func (v Version) temporal() worker.WorkerDeploymentVersion {
	return worker.WorkerDeploymentVersion{DeploymentName: v.Deployment, BuildID: v.BuildID}
}
