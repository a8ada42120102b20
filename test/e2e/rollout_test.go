package e2e_test

import (
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"orderflow/internal/devstack"
	"orderflow/internal/servicetoken"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// TestARolloutEndsOldOrdersOnTheirVersion runs the workers of two versions side
// by side, as docs/operations.md has it. An order in the middle of a step ends
// on the version that it began on; new ones begin on the new version; those
// that wait for somebody move there; and when the old version is drained, its
// workers stop and nothing is missed.
func TestARolloutEndsOldOrdersOnTheirVersion(t *testing.T) {
	r := beginRollout(t, "v1", "v2")
	require.Regexp(t, `(?m)^v1 +current +0 `, r.deploy(), "the version that the step was built as")
	d := generate(t, seed+9, 20)
	r.await(r.beginImport(d.products, d.customersFile))

	blocked := r.placeWith(d, refundFails, noRoute)
	r.awaitListed("WorkflowId = '" + blocked + "' AND OrderState = 'blocked' AND NeedsAttention = true")
	// A payment service that is alive and does not answer keeps orders in the
	// middle for as long as the test needs.
	require.NoError(t, r.Supervisor().Signal("payment", syscall.SIGSTOP))
	middle, held := r.place(d), r.place(d)
	r.awaitCharging(middle)
	r.awaitCharging(held)
	r.update(held, contract.UpdateHold, contract.HoldRequest{Reason: "a look at the address", RequestedBy: "ops"})
	r.awaitListed("WorkflowId = '" + held + "' AND OrderState = 'held'")

	shown := r.deploy("--build-id", "v2")
	require.Contains(t, shown, "moved "+held+" to v2\n")
	require.Contains(t, shown, "moved "+blocked+" to v2\n")
	require.NotContains(t, shown, middle)
	require.Regexp(t, `(?m)^v1 +draining `, shown)
	require.Regexp(t, `(?m)^v2 +current `, shown)
	fresh := r.place(d)
	r.awaitCharging(fresh)

	require.NoError(t, r.Supervisor().Signal("payment", syscall.SIGCONT))
	r.update(held, contract.UpdateRelease, contract.HoldRequest{Reason: "the address is fine", RequestedBy: "ops"})
	r.update(blocked, contract.UpdateResolve, contract.OperatorRequest{Step: contract.UndoChargePayment, Reason: "paid back in cash", RequestedBy: "ops"})
	for _, id := range []string{middle, held, fresh} {
		r.awaitStatus(id, order.Shipped)
	}
	r.awaitStatus(blocked, order.Cancelled)
	require.Equal(t, []string{"v1"}, r.versionsOf(middle))
	require.Equal(t, []string{"v1", "v2"}, r.versionsOf(held))
	require.Equal(t, []string{"v1", "v2"}, r.versionsOf(blocked))
	require.Equal(t, []string{"v2"}, r.versionsOf(fresh))

	drained := regexp.MustCompile(`(?m)^v1 +drained +0 `)
	require.Eventually(t, func() bool { return drained.MatchString(r.deploy("--list")) }, patience, 200*time.Millisecond)
	r.stopOldWorkers()
	last := r.place(d, "Prefer", "wait=30")
	r.awaitStatus(last, order.Shipped)
	require.Equal(t, []string{"v2"}, r.versionsOf(last))
	r.verify("--at-rest")
}

// rollout is a system whose own workers are of the new version, with workers
// of the old version, which were there first, beside them.
type rollout struct {
	*system
	temporal   client.Client
	programs   string // of the old version, and deploy
	oldWorkers *exec.Cmd
}

func beginRollout(t *testing.T, from, to string) *rollout {
	t.Helper()
	cfg := settings(t, "ORDERFLOW_DEPLOYMENT=orderflow", "ORDERFLOW_BUILD_ID="+to)
	cfg.TemporalExternal = true
	cfg.TemporalAddr = temporaltest.Start(t,
		// The server looks for drained versions every three minutes otherwise.
		"--dynamic-config-value", `matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"`,
		"--dynamic-config-value", `matching.wv.VersionDrainageStatusRefreshInterval="1s"`)
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: cfg.TemporalAddr, Namespace: temporaltest.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)

	r := &rollout{temporal: connected, programs: t.TempDir()}
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.version="+from,
		"-o", r.programs+string(os.PathSeparator), "./workers", "./workers/deploy")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	r.startOldWorkers(t, cfg)
	require.Eventually(t, func() bool {
		// Which version is the older one is what Temporal has seen first.
		described, err := connected.WorkerDeploymentClient().GetHandle("orderflow").Describe(t.Context(), client.WorkerDeploymentDescribeOptions{})
		return err == nil && len(described.Info.VersionSummaries) == 1
	}, patience, 50*time.Millisecond, "the old workers poll")
	r.system = start(t, cfg)
	return r
}

// startOldWorkers needs no Consul yet: they register when it is there.
func (r *rollout) startOldWorkers(t *testing.T, cfg devstack.Config) {
	t.Helper()
	logs := filepath.Join(cfg.DataDir, "logs") // beside those of the others
	require.NoError(t, os.MkdirAll(logs, 0o755))
	log, err := os.Create(filepath.Join(logs, "old-workers.log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	keys := filepath.Join(cfg.DataDir, "service-keys") // those that the others will sign with
	_, _, err = servicetoken.OpenKeys(keys)
	require.NoError(t, err)
	r.oldWorkers = exec.CommandContext(t.Context(), filepath.Join(r.programs, "workers"))
	r.oldWorkers.Stdout, r.oldWorkers.Stderr = log, log
	r.oldWorkers.Env = append(os.Environ(), "ORDERFLOW_INSTANCE_ID=old-workers", "ORDERFLOW_DEPLOYMENT=orderflow",
		"ORDERFLOW_TEMPORAL_ADDR="+cfg.TemporalAddr, "ORDERFLOW_CONSUL_ADDR="+cfg.ConsulAddr,
		"ORDERFLOW_SERVICE_SIGNING_KEY="+filepath.Join(keys, servicetoken.SigningKeyFile))
	require.NoError(t, r.oldWorkers.Start())
}

// stopOldWorkers lets them finish what they have in hand.
func (r *rollout) stopOldWorkers() {
	r.t.Helper()
	require.NoError(r.t, r.oldWorkers.Process.Signal(syscall.SIGTERM))
	require.NoError(r.t, r.oldWorkers.Wait())
}

// deploy runs the deployment step and returns what it shows.
func (r *rollout) deploy(args ...string) string {
	r.t.Helper()
	step := exec.CommandContext(r.t.Context(), filepath.Join(r.programs, "deploy"), args...)
	step.Env = append(r.Environ(), "ORDERFLOW_BUILD_ID=")
	out, err := step.CombinedOutput()
	require.NoError(r.t, err, "%s", out)
	return string(out)
}

// place has the gateway accept an order, and returns its ID.
func (r *rollout) place(d dataset, headers ...string) string {
	r.t.Helper()
	return r.placeWith(d, "pm_card_visa", "", headers...)
}

func (r *rollout) placeWith(d dataset, method, postalCode string, headers ...string) string {
	r.t.Helper()
	address := map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "country": "GB"}
	if postalCode != "" {
		address["postalCode"] = postalCode
	}
	placed, err := r.call(r.t.Context(), http.MethodPost, "/v1/orders", map[string]any{
		"customerId": d.customers[0],
		"items":      []any{map[string]any{"productId": anyProduct(d), "quantity": 1}},
		"payment":    map[string]any{"method": method}, "shippingAddress": address,
	}, headers...)
	require.NoError(r.t, err)
	require.Contains(r.t, []int{http.StatusAccepted, http.StatusCreated}, placed.status, "%s", placed.body)
	var view orderView
	placed.into(r.t, &view)
	return view.OrderID
}

func anyProduct(d dataset) string { return slices.Sorted(maps.Keys(d.stock))[0] }

// awaitCharging waits until the order is on the durable way of its payment.
func (r *rollout) awaitCharging(id string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		described, err := r.temporal.DescribeWorkflowExecution(r.t.Context(), id, "")
		require.NoError(r.t, err)
		return slices.ContainsFunc(described.GetPendingActivities(), func(pending *workflowpb.PendingActivityInfo) bool {
			return pending.GetActivityType().GetName() == contract.StepChargePayment
		})
	}, patience, 50*time.Millisecond, "%s at the payment", id)
}

func (r *rollout) awaitListed(query string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return isListed(r.t, r.temporal, query) }, patience, 50*time.Millisecond, query)
}

func (r *rollout) awaitStatus(id string, status order.Status) {
	r.t.Helper()
	var view orderView
	require.Eventually(r.t, func() bool {
		r.get("/v1/orders/"+id, &view)
		return view.Status == status
	}, patience, 200*time.Millisecond, "%s becomes %s", id, status)
}

// update sends a message to an order, which its workflow must accept.
func (r *rollout) update(id, name string, request any) {
	r.t.Helper()
	handle, err := r.temporal.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: name, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(r.t.Context(), nil), "%s of %s", name, id)
}

// versionsOf reads from an order's history which versions it ran on, each as
// often as it was changed to, after the order's workflow has closed.
func (r *rollout) versionsOf(id string) []string {
	r.t.Helper()
	_ = r.temporal.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), nil) // how it ended does not matter here
	var builds []string
	history := r.temporal.GetWorkflowHistory(r.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(r.t, err)
		if ended := event.GetWorkflowTaskCompletedEventAttributes(); ended != nil {
			builds = append(builds, ended.GetDeploymentVersion().GetBuildId())
		}
	}
	return slices.Compact(builds)
}
