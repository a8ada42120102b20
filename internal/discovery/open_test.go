package discovery

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

func openForTest(t *testing.T, cfg Config) *Watched {
	t.Helper()
	resolver, err := Open(cfg, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	return resolver
}

func TestOpenReturnsTheKindThatIsSet(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("index") != "" {
			<-r.Context().Done()
			return
		}
		answerWith("7", `[{"Service": {"ID": "a", "Service": "payment", "Address": "10.0.0.1", "Port": 1}}]`)(w, r)
	}))
	t.Cleanup(agent.Close)
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"by default Consul": {Config{Consul: ConsulConfig{Addr: agent.Listener.Addr().String()}}, "10.0.0.1:1"},
		"Consul":            {Config{Kind: KindConsul, Consul: ConsulConfig{Addr: agent.Listener.Addr().String()}}, "10.0.0.1:1"},
		"static":            {Config{Kind: KindStatic, Static: Addresses{"payment": {"payment.shop:80"}}}, "payment.shop:80"},
		"DNS":               {Config{Kind: KindDNS, DNS: DNSConfig{Name: "localhost{service}", Port: 1, Server: "127.0.0.1:1"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resolver := openForTest(t, test.cfg)
			if test.want == "" {
				assert.IsType(t, new(dnsSource), resolver.source)
				return
			}
			instance, err := resolver.Next(t.Context(), "payment")
			require.NoError(t, err)
			assert.Equal(t, test.want, instance.Addr())
		})
	}
}

func TestClosingTheResolverEndsItsConnections(t *testing.T) {
	var open atomic.Int64
	agent := httptest.NewUnstartedServer(answerWith("7", "[]"))
	agent.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			open.Add(1)
		}
		if state == http.StateClosed {
			open.Add(-1)
		}
	}
	agent.Start()
	t.Cleanup(agent.Close)
	resolver, err := Open(Config{Consul: ConsulConfig{Addr: agent.Listener.Addr().String()}}, zaptest.NewLogger(t))
	require.NoError(t, err)
	_, err = resolver.Next(t.Context(), "payment")
	require.ErrorIs(t, err, ErrNoAvailableInstance)
	require.Positive(t, open.Load())

	require.NoError(t, resolver.Close())
	assert.Eventually(t, func() bool { return open.Load() == 0 }, soon, time.Millisecond)
}

func TestOpenTakesTheBalance(t *testing.T) {
	balance := Balance{Policy: LeastInFlight, Ejection: Ejection{Failures: 7, BaseTime: time.Second, MaxTime: time.Minute}}
	for _, kind := range []Config{
		{Kind: KindConsul}, {Kind: KindStatic}, {Kind: KindDNS, DNS: DNSConfig{Name: "{service}"}},
	} {
		kind.Balance = balance
		assert.Equal(t, balance, openForTest(t, kind).balance, kind.Kind)
	}
}

func TestOpenRefusesWrongSettingsOfTheChosenKindOnly(t *testing.T) {
	wrong := Config{
		Consul:  ConsulConfig{CheckTTL: 1},
		DNS:     DNSConfig{Name: "payment"},
		Static:  Addresses{"payment": {"10.0.0.1", ":80"}, "order": {"10.0.0.2:http"}},
		Balance: Balance{Policy: "random"},
	}
	for kind, parts := range map[Kind][]string{
		KindConsul: {"check TTL"},
		KindDNS:    {"DNS name"},
		KindStatic: {`address "10.0.0.1" of service payment`, `address ":80" of service payment`, `address "10.0.0.2:http" of service order`},
		"zookeepr": {`discovery "zookeepr": want consul, dns or static`},
	} {
		wrong.Kind = kind
		_, err := Open(wrong, zaptest.NewLogger(t))
		var joined interface{ Unwrap() []error }
		require.True(t, errors.As(err, &joined), kind)
		assert.Len(t, joined.Unwrap(), 2, "its own settings and the policy")
		for _, part := range append(parts, "random") {
			assert.ErrorContains(t, err, part, kind)
		}
	}
}

func TestFixedAddressesNeverChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolver, err := NewFixed(Addresses{"payment": {"h:2", "h:1"}}, zaptest.NewLogger(t))
		require.NoError(t, err)
		defer func() { assert.NoError(t, resolver.Close()) }()
		turns(t, resolver, 1)
		joined := resolver.Newest("payment")
		advance(time.Hour)
		assert.ElementsMatch(t, []string{"h:1", "h:2"}, turns(t, resolver, 2))
		assert.Equal(t, joined, resolver.Newest("payment"))
		_, err = resolver.Next(context.Background(), "order")
		assert.ErrorIs(t, err, ErrNoAvailableInstance)
	})
}
