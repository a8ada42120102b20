package host

import (
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
	"orderflow/internal/resilience"
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
		"more slots than bulkhead":  {"v1", []string{"--payment-slots=11"}, "--payment-slots (ORDERFLOW_PAYMENT_SLOTS): 11 is not from 0 to 10, which the bulkhead of service payment lets through"},
		"slots of another queue":    {"v1", []string{"--inventory-slots=6"}, "--inventory-slots"},
		"negative slots":            {"v1", []string{"--orders-slots=-1"}, "--orders-slots"},
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

func TestSlotsAreThoseOfTheBulkheadUnlessTheyAreSet(t *testing.T) {
	settings, err := load(t, "v1", "--payment-slots=3", "--payment-rate=0.5")
	require.NoError(t, err)
	for queue, slots := range map[string]int{
		contract.QueueOrders: 20, contract.QueueInventory: 5, contract.QueuePayment: 3,
		contract.QueueShipping: 10, contract.QueueNotification: 20,
	} {
		require.Equal(t, slots, settings.queue(queue).slots(queue), queue)
	}
	require.InDelta(t, 0.5, settings.queue(contract.QueuePayment).Rate, 0)
	require.Zero(t, settings.queue(contract.QueueShipping).Rate)
}

func TestEveryQueueHasAServiceWithABulkhead(t *testing.T) {
	for _, queue := range contract.Queues() {
		require.NotEmpty(t, targetOf[queue], queue)
	}
	require.Len(t, targetOf, len(contract.Queues()))
}

func TestFastStepsOfAHealthyBurstFitIntoEveryBulkhead(t *testing.T) {
	for _, target := range targetOf {
		bulkhead := resilience.Defaults(target).Bulkhead
		require.LessOrEqual(t, localActivitySlots(), bulkhead.MaxConcurrent+bulkhead.MaxQueue, target)
	}
	require.Equal(t, 15, localActivitySlots())
}
