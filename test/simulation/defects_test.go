package simulation

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
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

// registration is a step with its compensation before it.
var registration = regexp.MustCompile(`(?m)^(\tdefer saga\.compensate.*\n)(\tif err = saga\.do\(.*\n\t\treturn .*\n\t}\n)`)

// TestACompensationThatIsRegisteredAfterItsActionIsFound runs the simulation
// over a workflow in which each compensation comes after its action. An effect
// whose answer was lost then stays.
func TestACompensationThatIsRegisteredAfterItsActionIsFound(t *testing.T) {
	story, err := filepath.Abs(filepath.Join("..", "..", "workflows", "placeorder.go"))
	require.NoError(t, err)
	text, err := os.ReadFile(story)
	require.NoError(t, err)
	require.Len(t, registration.FindAll(text, -1), 4, "it is not written as this test takes it to be")

	folder := t.TempDir()
	late := filepath.Join(folder, "placeorder.go")
	require.NoError(t, os.WriteFile(late, registration.ReplaceAll(text, []byte("$2$1")), 0o600))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{story: late}})
	require.NoError(t, err)
	replace := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(replace, overlay, 0o600))

	arguments := []string{"test", "-count=1", "-overlay", replace, "-run", "^TestSagasKeepEveryPromise$"}
	if raceDetector {
		arguments = append(arguments, "-race") // what is built already
	}
	command := exec.CommandContext(t.Context(), "go", append(arguments, "orderflow/test/simulation")...)
	command.Env = append(os.Environ(), "SAGAS=40", "SEED=1")
	out, err := command.CombinedOutput()
	require.Error(t, err, "the defect must be found")
	assert.Contains(t, string(out), "ChargePayment was tried, but RefundPayment never called")
	assert.Contains(t, string(out), "it is cancelled, but ChargePayment at payment is confirmed and not compensated")
}
