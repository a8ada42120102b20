package httpserver_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/faults"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// putFaults asks for faults, with a body as it is.
func putFaults(engine http.Handler, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodPut, httpserver.FaultsPath, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	return serve(engine, request)
}

func TestFaultsAreReplacedWhileTheProcessRuns(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{Faults: faults.Spec{Error: 1}, SwitchFaults: true})
	order := func() *httptest.ResponseRecorder { return serve(engine, get("/v1/orders/order-7")) }
	requireProblem(t, order(), problem.Unavailable)
	assert.JSONEq(t, `{"faults":"error=1"}`, serve(engine, get(httpserver.FaultsPath)).Body.String())

	require.Equal(t, http.StatusNoContent, putFaults(engine, `{"faults":""}`).Code, "also while every request fails")
	assert.Equal(t, http.StatusOK, order().Code)
	require.Equal(t, http.StatusNoContent, putFaults(engine, `{"faults":"error=1,latency=1ms"}`).Code)
	requireProblem(t, order(), problem.Unavailable)
}

func TestFaultsThatNobodyUnderstandsChangeNothing(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{SwitchFaults: true})
	requireProblem(t, putFaults(engine, `{"faults":"error=2"}`), problem.Invalid)
	requireProblem(t, putFaults(engine, `{"fault":"error=1"}`), problem.Malformed)
	assert.JSONEq(t, `{"faults":""}`, serve(engine, get(httpserver.FaultsPath)).Body.String())
}

func TestFaultsStayAsTheyAreUnlessThatIsAskedFor(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{Faults: faults.Spec{Latency: 1}})
	requireProblem(t, putFaults(engine, `{"faults":"error=1"}`), problem.NoRoute)
	requireProblem(t, serve(engine, get(httpserver.FaultsPath)), problem.NoRoute)
}
