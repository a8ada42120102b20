package faults_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/faults"
	"orderflow/internal/problem"
)

func TestParseReadsEveryPart(t *testing.T) {
	tests := map[string]faults.Spec{
		"":                                  {},
		"latency=200ms,error=0.1,lost=0.05": {Latency: 200 * time.Millisecond, Error: 0.1, Lost: 0.05},
		"error=0.5,lost=0.5":                {Error: 0.5, Lost: 0.5},
		"latency=0s,":                       {},
	}
	for text, want := range tests {
		got, err := faults.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)

		got, err = faults.Parse(" " + strings.ReplaceAll(text, ",", " , "))
		require.NoError(t, err, "with spaces: %s", text)
		assert.Equal(t, want, got, "with spaces: %s", text)
	}
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, text := range []string{
		"latency", "latency=5", "latency=-1s", "error=2", "error=-0.1", "error=NaN", "error=", "lost=x",
		"losst=0.1", "error=0.1,error=0.2", "error=0.6,lost=0.6", "=1", "latency=200ms;error=1",
	} {
		_, err := faults.Parse(text)
		assert.Error(t, err, text)
	}
}

func TestASpecSurvivesItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := faults.Spec{
			Latency: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "latency")),
			Error:   rapid.Float64Range(0, 0.5).Draw(t, "error"),
			Lost:    rapid.Float64Range(0, 0.5).Draw(t, "lost"),
		}
		text, err := spec.MarshalText()
		require.NoError(t, err)
		var got faults.Spec
		require.NoError(t, got.UnmarshalText(text))
		assert.Equal(t, spec, got)
	})
}

// newEngine has one route whose effect is counted.
func newEngine(spec faults.Spec, drawn float64, effects *atomic.Int64) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(spec.Middleware(func() float64 { return drawn }))
	engine.POST("/charge", func(c *gin.Context) {
		effects.Add(1)
		c.Header("X-Effect", "yes")
		c.String(http.StatusCreated, "charged")
		c.Writer.Flush()
	})
	engine.POST("/panic", func(*gin.Context) { panic("boom") })
	return engine
}

func TestARequestGetsTheFaultOfItsDraw(t *testing.T) {
	spec := faults.Spec{Error: 0.1, Lost: 0.05}
	tests := []struct {
		name    string
		drawn   float64
		status  int // 0: no answer
		effects int64
	}{
		{"lowest draw is refused", 0, http.StatusServiceUnavailable, 0},
		{"just below error is refused", 0.0999, http.StatusServiceUnavailable, 0},
		{"error itself is lost", 0.1, 0, 1},
		{"just below error and lost is lost", 0.1499, 0, 1},
		{"above both is served", 0.1501, http.StatusCreated, 1},
		{"highest draw is served", 0.9999, http.StatusCreated, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var effects atomic.Int64
			server := httptest.NewServer(newEngine(spec, test.drawn, &effects))
			defer server.Close()

			response, err := http.Post(server.URL+"/charge", "application/json", nil)
			assert.Equal(t, test.effects, effects.Load())
			if test.status == 0 {
				require.ErrorIs(t, err, io.EOF, "the connection closes without a byte")
				return
			}
			require.NoError(t, err)
			defer func() { _ = response.Body.Close() }()
			assert.Equal(t, test.status, response.StatusCode)
			if test.status == http.StatusServiceUnavailable {
				assert.Equal(t, problem.MediaType, response.Header.Get("Content-Type"))
				assert.Equal(t, "1", response.Header.Get("Retry-After"))
			}
		})
	}
}

func TestAPanicOfAHandlerIsNotHiddenByALostAnswer(t *testing.T) {
	var effects atomic.Int64
	engine := newEngine(faults.Spec{Lost: 1}, 0, &effects)
	assert.PanicsWithValue(t, "boom", func() {
		engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/panic", nil))
	})
}

func TestLatencyDelaysTheEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var effects atomic.Int64
		engine := newEngine(faults.Spec{Latency: 200 * time.Millisecond}, 0, &effects)
		recorder := httptest.NewRecorder()
		start := time.Now()
		engine.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/charge", nil))
		assert.Equal(t, 200*time.Millisecond, time.Since(start))
		assert.Equal(t, http.StatusCreated, recorder.Code)
		assert.EqualValues(t, 1, effects.Load())
	})
}

func TestAClientThatLeavesDuringTheLatencyHasNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var effects atomic.Int64
		engine := newEngine(faults.Spec{Latency: time.Hour}, 0, &effects)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
			engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/charge", nil).WithContext(ctx))
		}, "no answer, not even an empty one")
		assert.Zero(t, effects.Load())
	})
}

// net/http itself does not notice that a client has gone away before the body
// was read.
func TestAClientThatLeavesDuringTheLatencyIsNoticed(t *testing.T) {
	var effects atomic.Int64
	left := make(chan struct{})
	engine := newEngine(faults.Spec{Latency: time.Hour}, 0, &effects)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		engine.ServeHTTP(w, r)
	}))
	defer server.Close()
	client := http.Client{Timeout: 10 * time.Millisecond}
	_, err := client.Post(server.URL+"/charge", "application/json", strings.NewReader(`{"amount":1}`))
	require.Error(t, err)
	<-left
	assert.Zero(t, effects.Load())
}

func TestLatencyLeavesTheBodyAsItIs(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	broken := errors.New("too large")
	for name, want := range map[string]error{"whole": nil, "broken": broken} {
		engine := gin.New()
		engine.Use(faults.Spec{Latency: 1}.Middleware(func() float64 { return 0 }))
		engine.POST("/charge", func(c *gin.Context) {
			body, err := io.ReadAll(c.Request.Body)
			assert.Equal(t, want, err, name)
			assert.Equal(t, "amount", string(body), name)
		})
		body := io.Reader(strings.NewReader("amount"))
		if want != nil {
			body = io.MultiReader(body, iotest.ErrReader(want))
		}
		engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/charge", body))
	}
}
