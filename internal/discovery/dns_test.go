package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"orderflow/internal/discovery/consultest"
)

var errNotFound = &net.DNSError{Err: "no such host", IsNotFound: true}

// fakeRecords is a DNS zone in memory. What is not in it does not exist.
type fakeRecords struct {
	mu      sync.Mutex
	hosts   map[string][]string
	targets map[string][]*net.SRV
	failure error
	asked   []time.Time
}

func (f *fakeRecords) set(change func(*fakeRecords)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeRecords) ask() error {
	f.asked = append(f.asked, time.Now())
	return f.failure
}

func (f *fakeRecords) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(); err != nil {
		return "", nil, err
	}
	if service != "" || proto != "" || f.targets[name] == nil {
		return "", nil, fmt.Errorf("%s%s%s: %w", service, proto, name, errNotFound)
	}
	return name, f.targets[name], nil
}

func (f *fakeRecords) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ask(); err != nil {
		return nil, err
	}
	if network != "ip" || f.hosts[host] == nil {
		return nil, errNotFound
	}
	var addrs []netip.Addr
	for _, text := range f.hosts[host] {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

// dnsTest runs f in a bubble with a resolver on the zone.
func dnsTest(t *testing.T, cfg DNSConfig, zone *fakeRecords, f func(t *testing.T, w *Watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(&dnsSource{cfg: cfg.withDefaults(), records: zone}, zaptest.NewLogger(t))
		defer func() { assert.NoError(t, w.Close()) }()
		f(t, w)
	})
}

func addrs(w *Watched) (addrs []string) {
	for _, instance := range w.Status("payment").Instances {
		addrs = append(addrs, instance.Addr())
	}
	return addrs
}

var headless = DNSConfig{Name: "{service}.shop.svc", Port: 8080}

func TestAddressRecordsAreInstancesAtThePort(t *testing.T) {
	zone := &fakeRecords{hosts: map[string][]string{"payment.shop.svc": {"10.0.0.2", "fd00::1", "::ffff:10.0.0.1", "10.0.0.2"}}}
	dnsTest(t, headless, zone, func(t *testing.T, w *Watched) {
		instance, err := w.Next(t.Context(), "payment")
		require.NoError(t, err)
		assert.Equal(t, "payment", instance.Name)
		assert.Equal(t, []string{"10.0.0.1:8080", "10.0.0.2:8080", "[fd00::1]:8080"}, addrs(w), "each once")
		assert.Len(t, turns(t, w, 3), 3)
	})
}

func TestServiceRecordsAreInstancesAtTheirPorts(t *testing.T) {
	zone := &fakeRecords{
		targets: map[string][]*net.SRV{"_http._tcp.payment.shop.svc": {
			{Target: "a.", Port: 1, Priority: 5},
			{Target: "b.", Port: 2, Priority: 5, Weight: 9},
			{Target: "gone.", Port: 3, Priority: 5},
			{Target: "spare.", Port: 4, Priority: 6},
		}},
		hosts: map[string][]string{"a.": {"10.0.0.1"}, "b.": {"10.0.0.2"}, "spare.": {"10.0.0.4"}},
	}
	dnsTest(t, DNSConfig{Name: "_http._tcp.{service}.shop.svc"}, zone, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		assert.Equal(t, []string{"10.0.0.1:1", "10.0.0.2:2"}, addrs(w))
	})
}

func TestServiceThatDNSSaysIsNotThereHasNoInstance(t *testing.T) {
	zone := &fakeRecords{targets: map[string][]*net.SRV{"order": {{Target: ".", Port: 0}}}}
	for name, cfg := range map[string]DNSConfig{
		"no address": headless, "no service": {Name: "{service}"},
	} {
		t.Run(name, func(t *testing.T) {
			dnsTest(t, cfg, zone, func(t *testing.T, w *Watched) {
				_, err := w.Next(t.Context(), "payment")
				require.ErrorIs(t, err, ErrNoAvailableInstance)
				_, err = w.Next(t.Context(), "order")
				require.ErrorIs(t, err, ErrNoAvailableInstance, "a dot as target means that there is none")
			})
		})
	}
}

func TestDNSIsAskedAgainWithinTheRefreshTimeAndNotAlwaysAfterTheSame(t *testing.T) {
	zone := &fakeRecords{hosts: map[string][]string{"payment.shop.svc": {"10.0.0.1"}}}
	dnsTest(t, headless, zone, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		advance(10 * time.Minute)
		waits := make(map[time.Duration]bool)
		for i, at := range zone.asked[1:] {
			wait := at.Sub(zone.asked[i])
			assert.LessOrEqual(t, wait, 10*time.Second+pause)
			assert.GreaterOrEqual(t, wait, 7500*time.Millisecond)
			waits[wait] = true
		}
		assert.Greater(t, len(waits), 10, "many processes must not ask at once")

		zone.set(func(z *fakeRecords) { z.hosts["payment.shop.svc"] = []string{"10.0.0.2"} })
		advance(10*time.Second + pause)
		assert.Equal(t, []string{"10.0.0.2:8080"}, turns(t, w, 1))
		zone.set(func(z *fakeRecords) { z.hosts = nil })
		advance(10*time.Second + pause)
		_, err := w.Next(t.Context(), "payment")
		assert.ErrorIs(t, err, ErrNoAvailableInstance)
	})
}

func TestLastKnownInstancesStayWhileDNSDoesNotAnswer(t *testing.T) {
	zone := &fakeRecords{hosts: map[string][]string{"payment.shop.svc": {"10.0.0.1"}}}
	dnsTest(t, headless, zone, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		for _, failure := range []error{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, context.DeadlineExceeded} {
			zone.set(func(z *fakeRecords) { z.failure = failure })
			advance(10 * time.Minute)
			assert.Equal(t, []string{"10.0.0.1:8080"}, turns(t, w, 1))
		}
		zone.set(func(z *fakeRecords) { z.failure, z.hosts = nil, map[string][]string{"payment.shop.svc": {"10.0.0.9"}} })
		advance(lastBackoff)
		assert.Equal(t, []string{"10.0.0.9:8080"}, turns(t, w, 1))
	})
}

func TestServiceRecordWhoseTargetsCannotBeLookedUpIsUnknown(t *testing.T) {
	source := &dnsSource{cfg: DNSConfig{Name: "{service}"}, records: brokenTargets{&fakeRecords{
		targets: map[string][]*net.SRV{"payment": {{Target: "a.", Port: 1}}},
	}}}
	_, _, err := source.waitHealthy(t.Context(), "payment", 0, 0)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "payment")
}

// brokenTargets answers for SRV records only.
type brokenTargets struct{ *fakeRecords }

func (brokenTargets) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, context.DeadlineExceeded
}

func TestWrongDNSSettingsAreAllNamed(t *testing.T) {
	_, err := NewDNS(DNSConfig{Name: "payment", Port: 70_000, Refresh: time.Minute, Server: "ns1"}, zaptest.NewLogger(t))
	for _, part := range []string{"{service}", "70000", "1m0s", `"ns1"`} {
		assert.ErrorContains(t, err, part)
	}
}

// The name server is Consul's own.
func TestInstancesAreFoundInRealDNS(t *testing.T) {
	agent := consultest.Start(t)
	consul := newTestConsul(t, agent.Addr)
	registerForTest(t, consul, testInstance("payment-1", 7001))
	registerForTest(t, consul, testInstance("payment-2", 7002))

	for name, test := range map[string]struct {
		port int
		want []string
	}{
		"SRV records": {0, []string{"127.0.0.1:7001", "127.0.0.1:7002"}},
		"A records":   {80, []string{"127.0.0.1:80"}},
	} {
		t.Run(name, func(t *testing.T) {
			resolver, err := NewDNS(DNSConfig{
				Name: "{service}.service.consul.", Port: test.port, Server: agent.DNSAddr, Refresh: time.Second,
			}, zaptest.NewLogger(t))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, resolver.Close()) })

			_, err = resolver.Next(t.Context(), "nobody")
			require.ErrorIs(t, err, ErrNoAvailableInstance)
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				_, err := resolver.Next(t.Context(), "payment")
				require.NoError(c, err)
				assert.Equal(c, test.want, addrs(resolver))
			}, soon, 20*time.Millisecond)
		})
	}
}

func TestNameServerThatIsGoneMeansUnknown(t *testing.T) {
	listener, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.LocalAddr().String()
	require.NoError(t, listener.Close())
	resolver, err := NewDNS(DNSConfig{Name: "{service}.test.", Port: 80, Server: addr}, zaptest.NewLogger(t))
	require.NoError(t, err)
	defer func() { assert.NoError(t, resolver.Close()) }()

	_, _, err = resolver.source.waitHealthy(t.Context(), "payment", 0, 0)
	require.ErrorContains(t, err, "asking DNS for the instances of payment")
	assert.ErrorContains(t, err, addr)
}
