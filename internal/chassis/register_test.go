package chassis

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/sqlstore"
)

var errAway = errors.New("no Consul agent at 127.0.0.1:8500")

// fakeRegistry is away for its first calls.
type fakeRegistry struct {
	discovery.Registry
	awayFor int
	hang    bool

	mu      sync.Mutex
	calls   int
	present bool
}

func (f *fakeRegistry) Register(ctx context.Context, _ discovery.Instance) (discovery.Registration, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.calls <= f.awayFor {
		return nil, errAway
	}
	f.present = true
	return f, nil
}

func (f *fakeRegistry) Deregister(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.present = false
	return nil
}

func TestRegistrationIsTriedUntilTheRegistryAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := &fakeRegistry{awayFor: 6}
		r := newRegistrar(registry, discovery.Instance{ID: "payment-1"}, zap.NewNop())
		require.ErrorIs(t, r.check(t.Context()), errNotRegisteredYet)

		r.start(t.Context())
		synctest.Wait()
		require.ErrorIs(t, r.check(t.Context()), errAway, "readiness says why")

		<-time.After(10 * time.Second)
		require.NoError(t, r.check(t.Context()))
		assert.True(t, registry.present)
		assert.Equal(t, 7, registry.calls, "it is registered once")

		require.NoError(t, r.close(t.Context()))
		assert.False(t, registry.present)
		require.Error(t, r.check(t.Context()))
	})
}

func TestClosingEndsAnAttemptThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistrar(&fakeRegistry{hang: true}, discovery.Instance{}, zap.NewNop())
		r.start(t.Context())
		synctest.Wait()
		start := time.Now()
		require.NoError(t, r.close(t.Context()))
		assert.Zero(t, time.Since(start))
	})
}

func TestClosingBeforeTheStartDoesNothing(t *testing.T) {
	registry := &fakeRegistry{}
	require.NoError(t, newRegistrar(registry, discovery.Instance{}, zap.NewNop()).close(t.Context()))
	assert.Zero(t, registry.calls)
}

func TestTheAdvertisedAddressCanBeReached(t *testing.T) {
	tests := []struct {
		name, advertise, listen string
		addresses               []string
		want                    string // "" is an error
	}{
		{"the listening host", "", "127.0.0.1", nil, "127.0.0.1:80"},
		{"the listening IPv6 host", "", "::1", nil, "[::1]:80"},
		{"the setting wins", "payment.internal", "0.0.0.0", nil, "payment.internal:80"},
		{"an IPv6 setting", "fd00::7", "127.0.0.1", nil, "[fd00::7]:80"},
		{"all interfaces: the machine's address", "", "0.0.0.0", []string{"127.0.1.1", "10.0.0.7"}, "10.0.0.7:80"},
		{"all IPv6 interfaces: the machine's address", "", "::", []string{"fe80::1", "fd00::7", "10.0.0.7"}, "10.0.0.7:80"},
		{"IPv6 only", "", "::", []string{"fd00::7", "127.0.0.1"}, "[fd00::7]:80"},
		{"loopback only", "", "0.0.0.0", []string{"127.0.1.1"}, "127.0.1.1:80"},
		{"no address", "", "0.0.0.0", []string{"fe80::1", "junk:80"}, ""},
		{"a setting with a port", "payment.internal:8080", "127.0.0.1", nil, "payment.internal:8080"},
		{"an IPv6 setting with a port", "[fd00::7]:8080", "127.0.0.1", nil, "[fd00::7]:8080"},
		{"a setting with a port that is none", "payment:0", "127.0.0.1", nil, ""},
		{"a setting with a service's name as port", "payment:http", "127.0.0.1", nil, ""},
		{"a setting with a port only", ":8080", "127.0.0.1", nil, ""},
		{"a setting that is a URL", "http://payment", "127.0.0.1", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lookup := func(context.Context) (string, []string, error) { return "machine", test.addresses, nil }
			addr := &net.TCPAddr{IP: net.ParseIP(test.listen), Port: 80}
			host, port, err := Config{Advertise: test.advertise}.advertised(t.Context(), addr, lookup)
			if test.want == "" {
				require.ErrorContains(t, err, "advertise")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, net.JoinHostPort(host, strconv.Itoa(port)))
		})
	}
	unknown := func(context.Context) (string, []string, error) { return "", nil, errors.New("no DNS") }
	_, _, err := Config{}.advertised(t.Context(), &net.TCPAddr{IP: net.IPv4zero}, unknown)
	require.ErrorContains(t, err, "set --advertise")
}

func TestFailPointsAreForTheLoopbackOnly(t *testing.T) {
	for addr, refused := range map[string]bool{
		"127.0.0.1:0": false, "[::1]:0": false, "": false,
		":0": true, "0.0.0.0:80": true, "10.0.0.7:80": true, "[::]:80": true,
	} {
		cfg := Config{FailPoints: true, Listen: config.Listen{Addr: addr}}.withDefaults()
		err := cfg.checkFailPoints()
		assert.Equal(t, refused, err != nil, "%s: %v", addr, err)
		cfg.FailPoints = false
		require.NoError(t, cfg.checkFailPoints())
	}
}

func TestTheSettingsAreReadWithTheirDefaults(t *testing.T) {
	var settings DatabaseConfig
	environment := map[string]string{
		"ORDERFLOW_FAULTS":      "latency=200ms,error=0.1,lost=0.05",
		"ORDERFLOW_INSTANCE_ID": "payment-7",
		"ORDERFLOW_LISTEN_ADDR": ":0",
	}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	_, err := config.Load("payment", "", &settings, nil, lookup, nil)
	require.NoError(t, err)
	assert.Equal(t, 200*time.Millisecond, settings.Faults.Latency)
	assert.Equal(t, "payment-7", settings.instanceID("payment"))
	assert.Equal(t, 10*time.Second, settings.DrainTimeout)
	assert.Equal(t, ":0", settings.Listen.Addr)
	assert.True(t, settings.Discovery)
	assert.Equal(t, "sqlite:./.orderflow/payment.db", settings.DSN)

	environment["ORDERFLOW_DSN"] = "mysql://db"
	_, err = config.Load("payment", "", &settings, nil, lookup, nil)
	require.EqualError(t, err, "payment: setting --dsn (ORDERFLOW_DSN): "+sqlstore.ErrBadDSN.Error())

	environment["ORDERFLOW_FAULTS"] = "error=2"
	_, err = config.Load("payment", "", &settings, nil, lookup, nil)
	require.EqualError(t, err, `payment: setting --faults (ORDERFLOW_FAULTS): fault "error=2": it needs a share from 0 to 1`)
}
