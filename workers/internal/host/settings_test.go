package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"orderflow/internal/config"
	"orderflow/workflows/contract"
)

// program reads the settings as the workers' main does.
type program struct {
	Settings `embed:""`
	builtAs  string
}

func (p *program) Validate() error { return p.BuiltAs(p.builtAs) }

func load(t *testing.T, builtAs string, args ...string) (Settings, error) {
	t.Helper()
	p := program{builtAs: builtAs}
	none := func(string) (string, bool) { return "", false }
	_, err := config.Load("workers", "", &p, args, none, t.Output())
	return p.Settings, err
}

func TestWrongSettingsAreRefusedInOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		builtAs string
		args    []string
		wrong   string
	}{
		"an unknown queue":          {"v1", []string{"--queues=orders,nowhere"}, `--queues (ORDERFLOW_QUEUES): "nowhere" is not one of orders, inventory`},
		"one workflow poller":       {"v1", []string{"--workflow-pollers=1"}, "--workflow-pollers (ORDERFLOW_WORKFLOW_POLLERS): 1 is not"},
		"no activity poller":        {"v1", []string{"--activity-pollers=0"}, "--activity-pollers"},
		"a negative cache":          {"v1", []string{"--sticky-cache=-1"}, "--sticky-cache"},
		"a short drain":             {"v1", []string{"--drain-workers=1s"}, "--drain-workers"},
		"a queue without a pool":    {"v1", []string{"--payment-max-queue=11"}, "--payment-max-queue (ORDERFLOW_PAYMENT_MAX_QUEUE): is only of use with --payment-max-concurrent"},
		"a call beyond its attempt": {"v1", []string{"--order-timeout=10s"}, "--order-timeout (ORDERFLOW_ORDER_TIMEOUT): 10s is not less than the 7s"},
		"no slow call at all":       {"v1", []string{"--shipping-breaker-slow-call=5s"}, "--shipping-breaker-slow-call"},
		"one fast slot":             {"v1", []string{"--fast-slots=1"}, "--fast-slots"},
		"unknown slots":             {"v1", []string{"--slots=many"}, "--slots"},
		"more than the CPU":         {"v1", []string{"--target-cpu=1.1"}, "--target-cpu"},
		"unknown pollers":           {"v1", []string{"--pollers=many"}, "--pollers"},
		"DNS without a name":        {"v1", []string{"--lookup-kind=dns"}, "--lookup-dns-name"},
		"a negative rate":           {"v1", []string{"--shipping-rate=-0.5"}, "--shipping-rate (ORDERFLOW_SHIPPING_RATE): -0.5 is not"},
		"a rate beyond all":         {"v1", []string{"--notification-rate=100001"}, "--notification-rate"},
		"a rate that is no number":  {"v1", []string{"--payment-rate=NaN"}, "--payment-rate"},
		"a build of no deployment":  {"v1", []string{"--build-id=v1"}, "--build-id (ORDERFLOW_BUILD_ID): is set without --deployment (ORDERFLOW_DEPLOYMENT)"},
		"a name with a dot":         {"v1", []string{"--deployment=order.flow"}, "--deployment (ORDERFLOW_DEPLOYMENT)"},
		"a program of no version":   {"", []string{"--deployment=orderflow"}, "--build-id (ORDERFLOW_BUILD_ID)"},
		"a program of any version":  {"dev", []string{"--deployment=orderflow"}, "--build-id (ORDERFLOW_BUILD_ID)"},
		"any version, by a setting": {"v1", []string{"--deployment=orderflow", "--build-id=dev"}, "--build-id (ORDERFLOW_BUILD_ID)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, test.builtAs, test.args...)
			require.ErrorContains(t, err, "workers: setting "+test.wrong)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestTheBuildIDIsTheProgramsVersionUnlessItIsSet(t *testing.T) {
	for name, test := range map[string]struct {
		builtAs string
		args    []string
		version string
	}{
		"no deployment":           {"v1", nil, ""},
		"no deployment, any day":  {"dev", nil, ""},
		"the linker's":            {"v1", []string{"--deployment=orderflow"}, "orderflow:v1"},
		"a setting":               {"v1", []string{"--deployment=orderflow", "--build-id=v2"}, "orderflow:v2"},
		"a setting, built as dev": {"dev", []string{"--deployment=orderflow", "--build-id=v2"}, "orderflow:v2"},
	} {
		t.Run(name, func(t *testing.T) {
			settings, err := load(t, test.builtAs, test.args...)
			require.NoError(t, err)
			require.Equal(t, test.version, settings.version().String())
			require.Equal(t, test.version, metadata(settings)["deployment"])
		})
	}
}

// The two walls are one setting: a task that got a slot finds a place at its
// service.
func TestSlotsAreThePlacesOfBothPools(t *testing.T) {
	settings, err := load(t, "v1", "--payment-max-concurrent=3", "--shipping-max-concurrent=40", "--shipping-compensation-concurrent=1", "--payment-rate=0.5")
	require.NoError(t, err)
	for queue, slots := range map[string]int{
		contract.QueueOrders: 20 + 10, contract.QueueInventory: 5 + 2, contract.QueuePayment: 3 + 2,
		contract.QueueShipping: 40 + 1, contract.QueueNotification: 20 + 10,
	} {
		require.Equal(t, slots, durableSlots(settings.limits(queue)), queue)
	}
	require.Equal(t, 2*(20+5+3+40+20), settings.fastSlots())
	require.InDelta(t, 0.5, settings.queue(contract.QueuePayment).Rate, 0)
	require.Zero(t, settings.queue(contract.QueueShipping).Rate)

	settings, err = load(t, "v1", "--fast-slots=7")
	require.NoError(t, err)
	require.Equal(t, 7, settings.fastSlots())
}

func TestPollersAreAFixedNumberUnlessTheyFollowTheLoad(t *testing.T) {
	var options worker.Options
	settings, err := load(t, "v1", "--workflow-pollers=3", "--activity-pollers=1")
	require.NoError(t, err)
	settings.poll(&options)
	require.Equal(t, worker.Options{MaxConcurrentWorkflowTaskPollers: 3, MaxConcurrentActivityTaskPollers: 1}, options)

	settings.Pollers, options = pollersAutoscaling, worker.Options{}
	settings.poll(&options)
	require.Zero(t, options.MaxConcurrentWorkflowTaskPollers)
	require.Equal(t, worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
		InitialNumberOfPollers: 3, MinimumNumberOfPollers: 2, MaximumNumberOfPollers: 30,
	}), options.WorkflowTaskPollerBehavior)
	require.NotNil(t, options.ActivityTaskPollerBehavior)
}

func TestEveryQueueHasAServiceWithABulkhead(t *testing.T) {
	for _, queue := range contract.Queues() {
		require.NotEmpty(t, targetOf[queue], queue)
	}
	require.Len(t, targetOf, len(contract.Queues()))
}
