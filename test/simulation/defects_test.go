package simulation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/workflows/contract"
)

// sabotaged plays a small world with a defect, and returns what the judge says.
func sabotaged(t *testing.T, defect Sabotage, change func(*Scenario)) Report {
	t.Helper()
	w := NewWorld(t, 1, 5)
	w.Sabotage = defect
	for _, scenario := range w.Scenarios {
		change(scenario)
	}
	w.Play(t)
	report, err := judge(t).Verify(w.Services, true)
	require.NoError(t, err)
	return report
}

func TestARefundThatIsDroppedIsFound(t *testing.T) {
	report := sabotaged(t,
		func(call *Call) (done bool) { return call.Activity == contract.UndoChargePayment },
		func(s *Scenario) { s.Order.ShippingAddress.PostalCode = refusedPostalCode })
	assert.Contains(t, report.Broken(), "Money")
	assert.Contains(t, report.Broken(), "Compensation")
}

func TestASecondEffectPastTheFenceIsFound(t *testing.T) {
	report := sabotaged(t,
		func(call *Call) (done bool) {
			if call.Copy {
				call.In = underAnotherKey(call.In)
			}
			return false
		},
		func(s *Scenario) {
			s.Order.ShippingAddress.PostalCode, s.Messages = refusedPostalCode, nil
			s.Fates = map[string][]Fate{contract.StepChargePayment: {Twice}}
		})
	assert.Contains(t, report.Broken(), "Money")
	assert.Contains(t, report.Broken(), "Compensation")
}

// underAnotherKey is the request as a caller sends it that makes a new key for
// each attempt.
func underAnotherKey(request any) any {
	changed := reflect.New(reflect.TypeOf(request)).Elem()
	changed.Set(reflect.ValueOf(request))
	key := changed.FieldByName("Key").Interface().(fence.Key)
	key.Revision += 100
	changed.FieldByName("Key").Set(reflect.ValueOf(key))
	return changed.Interface()
}

// defect is a change of the saga's code.
type defect struct {
	file string
	// places are where it is, and how often.
	places *regexp.Regexp
	times  int
	change string
}

var (
	// registeredAfter puts each compensation after its action. An effect whose
	// answer was lost then stays.
	registeredAfter = defect{
		file:   "placeorder.go",
		places: regexp.MustCompile(`(?m)^(\tdefer saga\.compensate.*\n)(\tif err = saga\.do\(.*\n\t\treturn .*\n\t}\n)`), times: 4,
		change: "$2$1",
	}
	// neverAsking undoes no more than what an order knows to have begun. An
	// effect of a lost workflow task then stays.
	neverAsking = defect{
		file:   "lost.go",
		places: regexp.MustCompile(`(?m)^(func \(s \*saga\) fastWayFrom\(.*\n)`), times: 1,
		change: "$1\tif true {\n\t\treturn false\n\t}\n",
	}
	// trustingEveryTask takes no fast attempt for the repetition of one in a lost
	// workflow task.
	trustingEveryTask = defect{
		file:   "lost.go",
		places: regexp.MustCompile(`(?m)^\t\tw\.mayRepeat = true\n`), times: 1,
		change: "",
	}
	// ofTheMoment lets the order of a map decide whether there is a timer before
	// an activity. Nothing is wrong with it until its history is replayed.
	ofTheMoment = defect{
		file:   "step.go",
		places: regexp.MustCompile(`(?m)^func \(s \*saga\) callDurably\(.*\n`), times: 1,
		change: "$0\tfor pause := range map[time.Duration]bool{0: true, 1: true} {\n" +
			"\t\t_ = workflow.Sleep(ctx, pause*time.Millisecond)\n\t\tbreak\n\t}\n",
	}
)

// test runs a test with the defect in place, and returns what it prints.
func (d defect) test(t *testing.T, folder, name string, settings ...string) (out string, failed error) {
	t.Helper()
	original, err := filepath.Abs(filepath.Join("..", "..", "workflows", d.file))
	require.NoError(t, err)
	text, err := os.ReadFile(original)
	require.NoError(t, err)
	require.Len(t, d.places.FindAll(text, -1), d.times, "it is not written as this test takes it to be")

	temporary := t.TempDir()
	changed := filepath.Join(temporary, d.file)
	require.NoError(t, os.WriteFile(changed, d.places.ReplaceAll(text, []byte(d.change)), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	require.NoError(t, err)
	replace := filepath.Join(temporary, "overlay.json")
	require.NoError(t, os.WriteFile(replace, overlay, 0o600))

	arguments := []string{"test", "-v", "-count=1", "-overlay", replace, "-run", "^" + name + "$"}
	if raceDetector {
		arguments = append(arguments, "-race") // what is built already
	}
	command := exec.CommandContext(t.Context(), "go", append(arguments, folder)...)
	command.Env = append(os.Environ(), settings...)
	printed, err := command.CombinedOutput()
	return string(printed), err
}

func TestACompensationThatIsRegisteredAfterItsActionIsFound(t *testing.T) {
	t.Parallel()
	out, err := registeredAfter.test(t, ".", "TestSagasKeepEveryPromise", "SAGAS=40", "SEED=1")
	require.Error(t, err, "the defect must be found")
	assert.Contains(t, out, "ChargePayment was tried, but RefundPayment never called")
	assert.Contains(t, out, "it is cancelled, but ChargePayment at payment is confirmed and not compensated")
}

func TestAnOrderThatTurnsBackWithoutAskingIsFound(t *testing.T) {
	t.Parallel()
	for _, each := range []struct {
		defect defect
		orders string
	}{
		{neverAsking, "cancelled_at_CreateOrder"},
		{trustingEveryTask, "no_answer_at_CreateOrder"},
	} {
		out, err := each.defect.test(t, ".", "TestNothingStaysBehindOfALostWorkflowTask/"+each.orders+"/killed_after_.*")
		require.Error(t, err, "the defect must be found")
		assert.Contains(t, out, "it is cancelled, but ChargePayment at payment is confirmed and not compensated")
		assert.Contains(t, out, "it is cancelled, but CommitInventory at inventory was done")
	}
}

// replayed is the same on a real server that replays every workflow task.
const (
	replayed            = "./replayed"
	replayedTest        = "TestWithoutACacheOfWorkflowsOrdersEndAsInTheTestEnvironment"
	needsTemporalServer = "skipped: needs a Temporal server"
)

func TestACompensationThatIsRegisteredAfterItsActionIsFoundWithoutACacheToo(t *testing.T) {
	t.Parallel()
	out, err := registeredAfter.test(t, replayed, replayedTest, "REPLAYED=9")
	skipWithoutServer(t, out)
	require.Error(t, err, "the defect must be found")
	assert.Contains(t, out, "ChargePayment was tried, but RefundPayment never called")
	assert.Contains(t, out, "it is cancelled, but ChargePayment at payment is confirmed and not compensated")
}

// Only a replay finds it: what runs once is in order.
func TestADecisionThatAReplayMakesOtherwiseIsFound(t *testing.T) {
	t.Parallel()
	out, err := ofTheMoment.test(t, replayed, replayedTest, "REPLAYED=9")
	skipWithoutServer(t, out)
	require.Error(t, err, "the defect must be found")
	assert.Contains(t, out, "[TMPRL1100]", "it is not called nondeterministic")
}

func skipWithoutServer(t *testing.T, out string) {
	t.Helper()
	if strings.Contains(out, needsTemporalServer) {
		t.Skip(needsTemporalServer)
	}
}
