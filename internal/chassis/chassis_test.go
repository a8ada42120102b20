package chassis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/discovery/consultest"
	"orderflow/internal/httpserver"
	"orderflow/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within bounds every wait for a real process or connection.
const within = 20 * time.Second

// logLines collects what a service logs.
type logLines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// addr returns the address of the line "serving", "" before it.
func (l *logLines) addr() string {
	for line := range strings.Lines(l.String()) {
		var entry struct{ Msg, Addr string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
			return entry.Addr
		}
	}
	return ""
}

// running is a service that Run runs.
type running struct {
	url    string
	logs   *logLines
	signal context.CancelFunc
	ended  chan error
}

func start(t *testing.T, cfg Config, parts Parts) *running {
	t.Helper()
	ctx, signal := context.WithCancel(t.Context())
	r := &running{logs: &logLines{}, signal: signal, ended: make(chan error, 1)}
	cfg.Telemetry.LogOutput = r.logs
	go func() {
		r.ended <- Run(ctx, "payment", "v1", cfg, func(context.Context, *telemetry.Telemetry) (Parts, error) { return parts, nil })
	}()
	require.Eventually(t, func() bool { return r.logs.addr() != "" }, within, time.Millisecond, "it serves")
	r.url = "http://" + r.logs.addr()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return r
}

func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(within):
		t.Fatal("the service did not end")
		return nil
	}
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// story records what happened, in order.
type story struct {
	mu     sync.Mutex
	events []string
}

func (s *story) tell(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, event)
}

func TestTheEndComesInOrderAndFinishesWhatIsInFlight(t *testing.T) {
	var told story
	begun, release := make(chan struct{}), make(chan struct{})
	r := start(t, Config{}, Parts{
		Routes: func(routes gin.IRouter) {
			routes.GET("/charge", func(c *gin.Context) {
				close(begun)
				<-release
				told.tell("request finished")
				httpserver.Respond(c, http.StatusOK, "charged")
			})
		},
		Background: []func(context.Context) error{
			func(ctx context.Context) error {
				<-ctx.Done()
				told.tell("background stopped")
				return ctx.Err()
			},
			func(context.Context) error { return nil },
		},
		Close: func() error { told.tell("store closed"); return nil },
	})
	status, body := fetch(t, r.url+"/readyz")
	assert.Equal(t, http.StatusOK, status, body)

	answers := make(chan int, 1)
	go func() {
		response, err := http.Get(r.url + "/charge")
		if err != nil {
			answers <- 0
			return
		}
		_ = response.Body.Close()
		answers <- response.StatusCode
	}()
	<-begun
	r.signal()
	require.Eventually(t, func() bool {
		return strings.Contains(r.logs.String(), "ending because it was asked to")
	}, within, time.Millisecond)
	close(release)

	require.NoError(t, r.end(t))
	assert.Equal(t, http.StatusOK, <-answers)
	assert.Equal(t, []string{"request finished", "background stopped", "store closed"}, told.events)
	for line := range strings.Lines(r.logs.String()) {
		assert.True(t, json.Valid([]byte(line)), "only log lines are written: %s", line)
	}
}

func TestAFailedStartServesNothingAndCloses(t *testing.T) {
	taken, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()

	tests := []struct {
		name   string
		cfg    Config
		build  error
		reason string
	}{
		{"a taken port", Config{Listen: config.Listen{Addr: taken.Addr().String()}}, nil, "another process has the port"},
		{"a failing build", Config{}, errors.New("the data folder is of a newer schema"), "building payment: the data folder is of a newer schema"},
		{"a wrong host to advertise", Config{Advertise: "a b", Discovery: true}, nil, "setting --advertise (ORDERFLOW_ADVERTISE)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			closed, logs := 0, &logLines{}
			test.cfg.Telemetry.LogOutput = logs
			err := Run(t.Context(), "payment", "v1", test.cfg, func(context.Context, *telemetry.Telemetry) (Parts, error) {
				return Parts{Close: func() error { closed++; return nil }}, test.build
			})
			require.ErrorContains(t, err, test.reason)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, 1, closed)
			assert.Empty(t, logs.addr())
			assert.Contains(t, logs.String(), "ending because of a failure")
		})
	}
}

func TestFailingBackgroundWorkEndsTheService(t *testing.T) {
	fail, broken := make(chan struct{}), errors.New("the projector is broken")
	r := start(t, Config{}, Parts{Background: []func(context.Context) error{
		func(context.Context) error { <-fail; return broken },
		func(ctx context.Context) error { <-ctx.Done(); return nil },
	}})
	close(fail)
	err := r.end(t)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "background work: ")
}

func TestARequestThatOutlastsTheDrainIsCutOff(t *testing.T) {
	begun := make(chan struct{})
	r := start(t, Config{DrainTimeout: 50 * time.Millisecond}, Parts{Routes: func(routes gin.IRouter) {
		routes.GET("/charge", func(c *gin.Context) {
			close(begun)
			<-c.Request.Context().Done()
		})
	}})
	go func() {
		if response, err := http.Get(r.url + "/charge"); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-begun
	r.signal()
	require.ErrorIs(t, r.end(t), context.DeadlineExceeded)
}

// A platform with its own discovery asks for readiness. Until it has heard, and
// its callers with it, they are answered.
func TestAServiceThatEndsIsNotReadyAndAnswersForAWhile(t *testing.T) {
	r := start(t, Config{DrainDelay: 500 * time.Millisecond}, Parts{})
	status, body := fetch(t, r.url+"/readyz")
	require.Equal(t, http.StatusOK, status, body)
	r.signal()
	require.Eventually(t, func() bool {
		status, body := fetch(t, r.url+"/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "the process is ending")
	}, within, time.Millisecond)
	status, _ = fetch(t, r.url+"/healthz")
	assert.Equal(t, http.StatusOK, status)
	require.NoError(t, r.end(t))
}

func TestAServiceStartsWithoutConsulAndSaysSo(t *testing.T) {
	nobody, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	addr := nobody.Addr().String()
	require.NoError(t, nobody.Close())

	r := start(t, Config{Discovery: true, Consul: config.Consul{Addr: addr}}, Parts{})
	require.Eventually(t, func() bool {
		status, body := fetch(t, r.url+"/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, addr)
	}, within, time.Millisecond, "readiness names the agent that is away")
	status, _ := fetch(t, r.url+"/healthz")
	assert.Equal(t, http.StatusOK, status)

	r.signal()
	require.NoError(t, r.end(t))
}

func TestAServiceIsFoundInConsulWhileItCanAnswer(t *testing.T) {
	agent := consultest.Start(t)
	consul, err := discovery.NewConsul(discovery.ConsulConfig{Addr: agent.Addr}, zap.NewNop())
	require.NoError(t, err)
	defer consul.Close()
	healthy := func() []discovery.Instance {
		instances, err := consul.HealthyInstances(t.Context(), "payment")
		require.NoError(t, err)
		return instances
	}

	r := start(t, Config{Discovery: true, InstanceID: "payment-7", Consul: config.Consul{Addr: agent.Addr}},
		Parts{Metadata: map[string]string{"queue": "payment"}})
	require.Eventually(t, func() bool { return len(healthy()) == 1 }, within, 5*time.Millisecond)
	found := healthy()[0]
	assert.Equal(t, "payment-7", found.ID)
	assert.Equal(t, "v1", found.Version)
	assert.Equal(t, "payment", found.Metadata["queue"])
	status, body := fetch(t, "http://"+found.Addr()+"/readyz")
	assert.Equal(t, http.StatusOK, status, body)

	r.signal()
	require.NoError(t, r.end(t))
	assert.Empty(t, healthy())
	assert.True(t, slices.ContainsFunc(strings.Split(r.logs.String(), "\n"), func(line string) bool {
		return strings.Contains(line, `"msg":"registered"`)
	}))
}

func TestARunningServiceStaysReadyWhenConsulGoes(t *testing.T) {
	agent := consultest.Start(t)
	r := start(t, Config{Discovery: true, Consul: config.Consul{Addr: agent.Addr}}, Parts{})
	ready := func() bool {
		status, _ := fetch(t, r.url+"/readyz")
		return status == http.StatusOK
	}
	require.Eventually(t, ready, within, time.Millisecond)
	agent.Kill()
	assert.True(t, ready())
	r.signal()
	require.NoError(t, r.end(t), "it leaves without Consul too")
}
