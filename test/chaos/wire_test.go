package chaos

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAMessageCutInHalfIsNoMessage(t *testing.T) {
	var broken, whole atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			broken.Add(1)
			return
		}
		whole.Add(1)
		_, _ = io.WriteString(w, "the whole answer of the service")
	}))
	defer service.Close()

	for phase, arrived := range map[Phase]int64{Before: 0, After: 1} {
		driver := &Driver{}
		fault := Fault{Way: Aimed, Cells: []Cell{{CutCall, "ChargePayment", phase}}}
		e := newEncounter(fault, nil)
		wire, err := StrungBefore(t.Context(), "payment", strings.TrimPrefix(service.URL, "http://"), newNetwork(), func(call Call) bool {
			meeting, _ := e.join(call.Effect.Step, "")
			driver.cut(call, e, meeting)
			return true
		})
		require.NoError(t, err)
		broken.Store(0)
		whole.Store(0)
		response, err := http.Post("http://"+wire.Addr+"/v1/charges", "application/json", strings.NewReader(`{"amount":1}`))
		if err == nil { // the head of the answer was in its first half
			_, err = io.ReadAll(response.Body)
			require.NoError(t, response.Body.Close())
		}
		require.Error(t, err, phase)
		assert.Equal(t, arrived, whole.Load(), phase)
		assert.LessOrEqual(t, broken.Load(), 1-arrived, phase)
		require.NoError(t, wire.Close())
		assert.Eventually(t, func() bool { return e.meetings()[0].Reached }, 10*time.Second, time.Millisecond, phase)
	}
}
