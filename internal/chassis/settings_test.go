package chassis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

// usual is the default timeout of a process.
const usual = 2 * time.Second

type caller struct {
	Consul  config.Consul `embed:"" prefix:"consul-"`
	Lookup  Lookup        `embed:"" prefix:"lookup-"`
	Payment Target        `embed:"" prefix:"payment-"`
}

func (c *caller) Validate() error { return c.Payment.Check("payment-", usual) }

func loadCaller(t *testing.T, args ...string) (caller, error) {
	t.Helper()
	var c caller
	none := func(string) (string, bool) { return "", false }
	_, err := config.Load("caller", "", &c, args, none, t.Output())
	return c, err
}

func TestWithoutSettingsEachServiceHasItsOwnLimits(t *testing.T) {
	c, err := loadCaller(t)
	require.NoError(t, err)
	limits := c.Payment.RPC(usual)
	require.NoError(t, limits.Validate())
	want := rpc.Config{Timeout: usual}.WithDefaults("payment")
	assert.Equal(t, want, limits.WithDefaults("payment"))
	assert.Equal(t, resilience.Defaults("payment").Bulkhead, limits.WithDefaults("payment").Bulkhead)

	assert.True(t, c.Lookup.InConsul())
	found := c.Lookup.Discovery(c.Consul)
	require.NoError(t, found.Validate())
	assert.Equal(t, "127.0.0.1:8500", found.Consul.Addr)
	assert.Equal(t, discovery.RoundRobin, found.Balance.Policy)
	assert.False(t, found.Balance.Ejection.Off)
}

func TestTheLimitsOfACallCanBeSet(t *testing.T) {
	c, err := loadCaller(t, "--payment-timeout=3s", "--payment-max-concurrent=7", "--payment-max-queue=0",
		"--payment-compensation-concurrent=4", "--payment-compensation-queue=1",
		"--payment-breaker-failures=2", "--payment-breaker-successes=1", "--payment-breaker-open-for=5s", "--payment-breaker-slow-call=1s",
		"--payment-retry-share=0.5", "--payment-retry-per-second=3")
	require.NoError(t, err)
	assert.Equal(t, rpc.Config{
		Timeout:      3 * time.Second,
		Bulkhead:     resilience.BulkheadConfig{MaxConcurrent: 7},
		Compensation: resilience.BulkheadConfig{MaxConcurrent: 4, MaxQueue: 1},
		Breaker:      resilience.BreakerConfig{FailureThreshold: 2, SuccessThreshold: 1, OpenFor: 5 * time.Second, SlowCall: time.Second},
		RetryBudget:  resilience.RetryBudgetConfig{Share: 0.5, MinPerSecond: 3},
	}, c.Payment.RPC(usual))
}

func TestInstancesAreFoundWhereTheSettingsSay(t *testing.T) {
	c, err := loadCaller(t, "--lookup-kind=static", "--lookup-static=payment=10.0.0.1:80,10.0.0.2:80;order=order:80",
		"--lookup-balance=least-in-flight", "--no-lookup-ejection")
	require.NoError(t, err)
	assert.False(t, c.Lookup.InConsul())
	found := c.Lookup.Discovery(c.Consul)
	assert.Equal(t, discovery.KindStatic, found.Kind)
	assert.Equal(t, discovery.Addresses{"payment": {"10.0.0.1:80", "10.0.0.2:80"}, "order": {"order:80"}}, found.Static)
	assert.Equal(t, discovery.Balance{Policy: discovery.LeastInFlight, Ejection: discovery.Ejection{Off: true}}, found.Balance)

	c, err = loadCaller(t, "--lookup-kind=dns", "--lookup-dns-name={service}.shop.svc", "--lookup-dns-port=8080", "--lookup-dns-refresh=2s",
		"--lookup-dns-server=127.0.0.1:53")
	require.NoError(t, err)
	assert.Equal(t, discovery.DNSConfig{Name: "{service}.shop.svc", Port: 8080, Refresh: 2 * time.Second, Server: "127.0.0.1:53"},
		c.Lookup.Discovery(c.Consul).DNS)

	c, err = loadCaller(t, "--consul-addr=consul:8501", "--consul-tls", "--consul-ca=/ca.pem", "--consul-token=t", "--consul-server-name=agent")
	require.NoError(t, err)
	assert.Equal(t, discovery.ConsulConfig{
		Addr: "consul:8501", Token: "t", TLS: discovery.TLSConfig{Enabled: true, CAFile: "/ca.pem", ServerName: "agent"},
	}, Agent(c.Consul))
}

func TestAProcessCanKnowItsNameBeforeItRuns(t *testing.T) {
	assert.Equal(t, "gateway-1", Config{InstanceID: "gateway-1"}.Named("gateway").InstanceID)
	named := Config{}.Named("gateway")
	assert.Regexp(t, `^gateway-[0-9a-f]{8}$`, named.InstanceID)
	assert.Equal(t, named, named.Named("gateway"), "once")
}

func TestLimitsThatContradictEachOtherAreRefusedInOneLine(t *testing.T) {
	for wrong, setting := range map[string]string{
		"--payment-timeout=1ms":               "--payment-timeout (ORDERFLOW_PAYMENT_TIMEOUT): 1ms is less than 10ms",
		"--payment-timeout=-1s":               "--payment-timeout",
		"--payment-max-concurrent=-1":         "--payment-max-concurrent",
		"--payment-max-queue=5":               "--payment-max-queue (ORDERFLOW_PAYMENT_MAX_QUEUE): is only of use with --payment-max-concurrent",
		"--payment-compensation-queue=5":      "--payment-compensation-queue",
		"--payment-compensation-concurrent=x": "--payment-compensation-concurrent",
		"--payment-breaker-failures=0":        "--payment-breaker-failures",
		"--payment-breaker-successes=1001":    "--payment-breaker-successes",
		"--payment-breaker-open-for=0":        "--payment-breaker-open-for",
		"--payment-breaker-slow-call=2s":      "--payment-breaker-slow-call (ORDERFLOW_PAYMENT_BREAKER_SLOW_CALL): 2s is not less than",
		"--payment-retry-share=0":             "--payment-retry-share",
		"--payment-retry-share=NaN":           "--payment-retry-share",
		"--payment-retry-per-second=0":        "--payment-retry-per-second",
		"--lookup-kind=etcd":                  "--lookup-kind",
		"--lookup-kind=dns":                   "--lookup-dns-name",
		"--lookup-kind=static":                "--lookup-static",
		"--lookup-balance=random":             "--lookup-balance",
		"--lookup-dns-server=53":              "--lookup-dns-server",
		"--consul-ca=/ca.pem":                 "--consul-tls (ORDERFLOW_CONSUL_TLS)",
		"--consul-key=/key.pem":               "--consul-cert (ORDERFLOW_CONSUL_CERT)",
	} {
		_, err := loadCaller(t, wrong)
		require.ErrorContains(t, err, "caller: setting "+setting, wrong)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err := loadCaller(t, "--lookup-kind=static", "--lookup-static=payment=nowhere")
	require.ErrorContains(t, err, "--lookup-static")
}
