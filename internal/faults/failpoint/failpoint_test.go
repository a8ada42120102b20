package failpoint_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/faults/failpoint"
)

func TestAPointSurvivesItsText(t *testing.T) {
	for _, text := range []string{
		"before=kill", "before=drop", "commit#1=panic@seventh", "commit#2=stop", "after=delay:300ms", "background#1=delay:200ms/5s", "background#2=kill",
		"begin:ShipOrder=panic@eighth", "end:ShipOrder=delay:1s",
	} {
		point, err := failpoint.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, point.String())
	}
	point, err := failpoint.Parse("commit=kill")
	require.NoError(t, err)
	assert.Equal(t, 1, point.Transaction, "the first one, unless it says which")
}

func TestWhatIsNoPointIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "kill", "=kill", "before", "before=", "before=explode", "never=kill", "before#2=kill", "commit#0=kill", "commit#x=kill",
		"before=kill:1s", "after=delay", "after=delay:-1s", "after=delay:1s/2s", "background=delay:1s", "background=drop",
		"begin=panic", "end:=panic", "before:ShipOrder=panic", "begin#1:ShipOrder=panic", "end:ShipOrder=drop",
	} {
		_, err := failpoint.Parse(text)
		assert.Error(t, err, text)
	}
}

// work is a handler of two transactions that says what it has done.
type work struct{ begun, committed int }

func (w *work) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	for range 2 {
		w.begun++
		failpoint.BeforeCommit(r.Context())
		w.committed++
	}
	out.Header().Set("X-Effect", "yes")
	out.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(out, "done")
}

func request(point string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/charges", nil)
	if point != "" {
		r.Header.Set(failpoint.Header, point)
	}
	return r
}

func TestADropHappensAtItsPlace(t *testing.T) {
	tests := map[string]work{
		"before=drop":   {},
		"commit#1=drop": {begun: 1},
		"commit#2=drop": {begun: 2, committed: 1},
		"after=drop":    {begun: 2, committed: 2},
	}
	for point, want := range tests {
		t.Run(point, func(t *testing.T) {
			log, logged := observer.New(zap.WarnLevel)
			var done work
			recorder := httptest.NewRecorder()
			assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
				failpoint.New(zap.New(log)).Handler(&done).ServeHTTP(recorder, request(point))
			})
			assert.Equal(t, want, done)
			assert.Zero(t, recorder.Body.Len(), "no byte has left")
			lines := logged.FilterMessage(failpoint.Reached).All()
			require.Len(t, lines, 1)
			assert.Equal(t, map[string]any{"failPoint": point, "path": "/v1/charges"}, lines[0].ContextMap())
		})
	}
}

func TestAPanicIsOneOfTheHandler(t *testing.T) {
	var done work
	assert.PanicsWithValue(t, "fail point commit#2=panic", func() {
		failpoint.New(zap.NewNop()).Handler(&done).ServeHTTP(httptest.NewRecorder(), request("commit#2=panic"))
	})
}

func TestAnAnswerThatIsDelayedArrivesWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done work
		recorder := httptest.NewRecorder()
		began := time.Now()
		failpoint.New(zap.NewNop()).Handler(&done).ServeHTTP(recorder, request("after=delay:3s"))
		assert.Equal(t, 3*time.Second, time.Since(began))
		assert.Equal(t, http.StatusCreated, recorder.Code)
		assert.Equal(t, "yes", recorder.Header().Get("X-Effect"))
		assert.Equal(t, "done", recorder.Body.String())
	})
}

func TestAPointThatIsNeverReachedDoesNothing(t *testing.T) {
	for _, point := range []string{"", "commit#3=panic"} {
		var done work
		recorder := httptest.NewRecorder()
		failpoint.New(zap.NewNop()).Handler(&done).ServeHTTP(recorder, request(point))
		assert.Equal(t, http.StatusCreated, recorder.Code)
		assert.Equal(t, work{2, 2}, done)
	}
}

func TestAHeaderThatCannotBeReadIsRefused(t *testing.T) {
	var done work
	recorder := httptest.NewRecorder()
	failpoint.New(zap.NewNop()).Handler(&done).ServeHTTP(recorder, request("commit#1=kil"))
	assert.Equal(t, http.StatusBadRequest, recorder.Code)
	assert.Zero(t, done)
}

func TestTheBackgroundIsSlowForAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		points := failpoint.New(zap.NewNop())
		background := points.Background(t.Context())
		commits := func(ctx context.Context) time.Duration {
			began := time.Now()
			failpoint.BeforeCommit(ctx)
			return time.Since(began)
		}
		assert.Zero(t, commits(background))
		points.Handler(&work{}).ServeHTTP(httptest.NewRecorder(), request("background=delay:200ms/1s"))
		assert.Equal(t, 200*time.Millisecond, commits(background))
		assert.Zero(t, commits(t.Context()), "requests are not")
		<-time.After(time.Second)
		assert.Zero(t, commits(background))
	})
}

func TestOneActivityOfTheNameFails(t *testing.T) {
	points := failpoint.New(zap.NewNop())
	ctx := points.Background(t.Context())
	arm := func(point string) {
		points.Handler(&work{}).ServeHTTP(httptest.NewRecorder(), request(point))
	}
	ship := func() { failpoint.BeforeActivity(ctx, "ShipOrder"); failpoint.AfterActivity(ctx, "ShipOrder") }

	ship()
	for _, point := range []string{"begin:ShipOrder=panic", "end:ShipOrder=panic"} {
		arm(point)
		failpoint.BeforeActivity(ctx, "ChargePayment")
		failpoint.AfterActivity(ctx, "ChargePayment")
		failpoint.BeforeActivity(t.Context(), "ShipOrder")
		failpoint.BeforeCommit(ctx)
		assert.PanicsWithValue(t, "fail point "+point, ship)
		assert.NotPanics(t, ship, "the next one passes")
	}
	arm("begin:ShipOrder=panic")
	arm("end:ChargePayment=panic")
	assert.NotPanics(t, ship, "another point has taken its place")
	assert.True(t, failpoint.Enabled(ctx))
	assert.False(t, failpoint.Enabled(t.Context()))
}
