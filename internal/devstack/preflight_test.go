package devstack_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
	"orderflow/internal/filesystemtest"
)

// freeConfig is a system on free ports that never gets as far as to build.
func freeConfig(t *testing.T) devstack.Config {
	t.Helper()
	addrs, err := devstack.FreeAddrs(4)
	require.NoError(t, err)
	return devstack.Config{
		GatewayAddr: addrs[0], TemporalAddr: addrs[1], TemporalUIAddr: addrs[2], ConsulAddr: addrs[3],
		DataDir: t.TempDir(), Root: t.TempDir(), Out: t.Output(),
	}
}

// take listens at the address until the end of the test.
func take(t *testing.T, addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
}

func TestTakenPortIsOneLineThatNamesAddressAndSetting(t *testing.T) {
	cases := map[string]struct {
		addr func(devstack.Config) string
		want string
	}{
		"gateway":     {func(c devstack.Config) string { return c.GatewayAddr }, "--gateway-addr (ORDERFLOW_GATEWAY_ADDR)"},
		"Temporal":    {func(c devstack.Config) string { return c.TemporalAddr }, "--temporal-addr (ORDERFLOW_TEMPORAL_ADDR)"},
		"Temporal UI": {func(c devstack.Config) string { return c.TemporalUIAddr }, "--temporal-ui-addr (ORDERFLOW_TEMPORAL_UI_ADDR)"},
		"Consul":      {func(c devstack.Config) string { return c.ConsulAddr }, "--consul-addr (ORDERFLOW_CONSUL_ADDR)"},
	}
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			cfg := freeConfig(t)
			addr := c.addr(cfg)
			take(t, addr)
			_, err := devstack.Start(t.Context(), cfg)
			require.ErrorContains(t, err, what)
			require.ErrorContains(t, err, addr+" is taken: set "+c.want+" to another one")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAllTakenPortsAreNamedAtOnce(t *testing.T) {
	cfg := freeConfig(t)
	take(t, cfg.GatewayAddr)
	take(t, cfg.ConsulAddr)
	_, err := devstack.Start(t.Context(), cfg)
	require.ErrorContains(t, err, cfg.GatewayAddr)
	require.ErrorContains(t, err, cfg.ConsulAddr)
	assert.NotContains(t, err.Error(), "\n")
}

func TestDataFolderThatCannotBeUsedIsOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	cases := map[string]struct{ dir, want string }{
		"below a file":           {filepath.Join(file, "data"), "cannot be made"},
		"no database address":    {"what?", "has a ? or #"},
		"no database address #2": {"a#b", "has a ? or #"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := freeConfig(t)
			cfg.DataDir = c.dir
			_, err := devstack.Start(t.Context(), cfg)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "ORDERFLOW_DATA_DIR")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestReadOnlyDataFolderIsRefused(t *testing.T) {
	cfg := freeConfig(t)
	cfg.DataDir = filesystemtest.ReadOnly(t)
	_, err := devstack.Start(t.Context(), cfg)
	require.ErrorContains(t, err, "the data folder "+cfg.DataDir)
	require.ErrorContains(t, err, "ORDERFLOW_DATA_DIR")
}

func TestSettingsThatCannotWorkAreRefusedBeforeAnythingHappens(t *testing.T) {
	cases := map[string]struct {
		change func(*devstack.Config)
		want   string
	}{
		"one address twice": {
			func(c *devstack.Config) { c.ConsulAddr = c.GatewayAddr },
			"settings --gateway-addr (ORDERFLOW_GATEWAY_ADDR) and --consul-addr (ORDERFLOW_CONSUL_ADDR) are both",
		},
		"no port":            {func(c *devstack.Config) { c.GatewayAddr = "localhost" }, "--gateway-addr"},
		"too many instances": {func(c *devstack.Config) { c.Instances = devstack.MaxInstances + 1 }, "ORDERFLOW_INSTANCES"},
		"too many workers":   {func(c *devstack.Config) { c.Workers = devstack.MaxWorkers + 1 }, "ORDERFLOW_WORKERS"},
		"missing Temporal":   {func(c *devstack.Config) { c.TemporalExternal = true }, "unset ORDERFLOW_TEMPORAL_EXTERNAL"},
		"missing Consul":     {func(c *devstack.Config) { c.ConsulExternal = true }, "unset ORDERFLOW_CONSUL_EXTERNAL"},
		"missing program":    {func(c *devstack.Config) { c.TemporalBin = "/no/such/temporal" }, "/no/such/temporal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := freeConfig(t)
			c.change(&cfg)
			_, err := devstack.Start(t.Context(), cfg)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
