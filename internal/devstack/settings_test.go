package devstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/atomicfile"
	"orderflow/internal/config"
	"orderflow/internal/filelock"
	"orderflow/internal/supervisor"
)

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	environment := map[string]string{
		"ORDERFLOW_GATEWAY_ADDR":      "127.0.0.1:1",
		"ORDERFLOW_TEMPORAL_ADDR":     "127.0.0.1:2",
		"ORDERFLOW_TEMPORAL_UI_ADDR":  "127.0.0.1:3",
		"ORDERFLOW_CONSUL_ADDR":       "127.0.0.1:4",
		"ORDERFLOW_DATA_DIR":          "/data",
		"ORDERFLOW_DEMO":              "0",
		"ORDERFLOW_READY_FILE":        "/ready",
		"ORDERFLOW_WORKERS":           "2",
		"ORDERFLOW_INSTANCES":         "3",
		"ORDERFLOW_TEMPORAL_EXTERNAL": "1",
		"ORDERFLOW_CONSUL_EXTERNAL":   "1",
		"ORDERFLOW_TEMPORAL_BIN":      "/temporal",
		"ORDERFLOW_CONSUL_BIN":        "/consul",
		"ORDERFLOW_CONSOLE":           "error",
		"ORDERFLOW_PAYLOAD_KEYS":      "/payload-keys.json",
	}
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	var got Config
	_, err := config.Load("run", "", &got, nil, lookup, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, Config{
		GatewayAddr: "127.0.0.1:1", TemporalAddr: "127.0.0.1:2", TemporalUIAddr: "127.0.0.1:3", ConsulAddr: "127.0.0.1:4",
		TemporalExternal: true, ConsulExternal: true, TemporalNamespace: "default",
		TemporalBin: "/temporal", ConsulBin: "/consul",
		DataDir: "/data", Demo: false, ReadyFile: "/ready", PayloadKeys: "/payload-keys.json",
		Workers: 2, Instances: 3, Console: supervisor.Error,
	}, got)
}

func TestDefaultsAreThoseOfThePublicContract(t *testing.T) {
	var got Config
	none := func(string) (string, bool) { return "", false }
	_, err := config.Load("run", "", &got, nil, none, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, Config{
		GatewayAddr: "127.0.0.1:8080", TemporalAddr: "127.0.0.1:7233", TemporalUIAddr: "127.0.0.1:8233", ConsulAddr: "127.0.0.1:8500",
		TemporalNamespace: "default", DataDir: ".orderflow", Demo: true,
		Workers: 1, Instances: 1, Console: supervisor.Warn,
	}, got)

	without := Config{}.withDefaults()
	assert.Equal(t, []string{got.GatewayAddr, got.TemporalAddr, got.TemporalUIAddr, got.ConsulAddr, got.DataDir},
		[]string{without.GatewayAddr, without.TemporalAddr, without.TemporalUIAddr, without.ConsulAddr, without.DataDir},
		"a Config without tags' defaults gets the same ones")
}

func TestEachProcessGetsItsOwnSettings(t *testing.T) {
	cfg := Config{
		DataDir: "/data", ConsulAddr: "0.0.0.0:8500", TemporalAddr: "localhost:7233", GatewayAddr: ":8080", TemporalNamespace: "shop",
		Environ: []string{
			"HOME=/home/ada", "ORDERFLOW_LOG_LEVEL=debug", "ORDERFLOW_DSN=sqlite:shared", "ORDERFLOW_LISTEN_ADDR=127.0.0.1:1",
			"ORDERFLOW_INSTANCE_ID=mine", "ORDERFLOW_FAULTS=latency=1ms", "ORDERFLOW_PAYMENT_FAULTS=error=0.5",
			"ORDERFLOW_ORDER_DSN=postgres://db/order", "TEMPORAL_ADDRESS=elsewhere:7233", "CONSUL_HTTP_ADDR=elsewhere:8500",
		},
	}
	value := func(e environment, name string) string { v, _ := e.lookup(envPrefix + name); return v }
	payment, order, worker, gateway := cfg.forService("payment", 1), cfg.forService("order", 1), cfg.forWorker(2), cfg.forGateway(1)

	assert.Equal(t, "error=0.5", value(payment, "FAULTS"), "its own, before everybody's")
	assert.Equal(t, "latency=1ms", value(order, "FAULTS"), "everybody's")
	assert.Empty(t, value(worker, "FAULTS"), "faults are for services")
	assert.Empty(t, value(gateway, "FAULTS"))

	assert.Equal(t, "sqlite:/data/payment.db", value(payment, "DSN"))
	assert.Equal(t, "postgres://db/order", value(order, "DSN"))
	assert.Empty(t, value(worker, "DSN"))

	assert.Equal(t, "/data/service-keys/jwks.json", value(payment, "SERVICE_JWKS"))
	assert.Empty(t, value(payment, "SERVICE_SIGNING_KEY"), "a service calls nobody")
	assert.Equal(t, "/data/service-keys/signing-key.jwk", value(worker, "SERVICE_SIGNING_KEY"))
	assert.Equal(t, "/data/service-keys/signing-key.jwk", value(gateway, "SERVICE_SIGNING_KEY"))

	assert.Equal(t, "payment-1", value(payment, "INSTANCE_ID"))
	assert.Equal(t, "workers-2", value(worker, "INSTANCE_ID"))
	assert.Equal(t, "gateway-1", value(gateway, "INSTANCE_ID"))
	assert.Equal(t, ":8080", value(gateway, "GATEWAY_ADDR"))
	assert.Equal(t, "127.0.0.1:8080", value(cfg.forStarter(), "GATEWAY_ADDR"))

	for _, env := range []environment{payment, order, worker, gateway} {
		assert.Equal(t, "127.0.0.1:8500", value(env, "CONSUL_ADDR"))
		assert.Equal(t, "127.0.0.1:7233", value(env, "TEMPORAL_ADDR"))
		assert.Equal(t, "shop", value(env, "TEMPORAL_NAMESPACE"))
		assert.Equal(t, "/data/keys", value(env, "KEYS_DIR"))
		assert.Equal(t, "debug", value(env, "LOG_LEVEL"))
		assert.Empty(t, value(env, "LISTEN_ADDR"))
		assert.Contains(t, env, "HOME=/home/ada")
	}
	assert.NotContains(t, strings.Join(cfg.forTool(), " "), "elsewhere")
}

func TestInstancesOfAServiceShareItsDatabaseAndNoAddress(t *testing.T) {
	cfg := Config{
		GatewayAddr: "127.0.0.1:8080", DataDir: "/data",
		Environ: []string{"ORDERFLOW_PAYMENT_FAULTS=error=0.5", "ORDERFLOW_INTERNAL_ADDR=127.0.0.1:9000"},
	}
	value := func(e environment, name string) string { v, _ := e.lookup(envPrefix + name); return v }
	second := cfg.forService("payment", 2)
	assert.Equal(t, "payment-2", value(second, "INSTANCE_ID"))
	assert.Equal(t, "sqlite:/data/payment.db", value(second, "DSN"))
	assert.Equal(t, "error=0.5", value(second, "FAULTS"))

	assert.Equal(t, "127.0.0.1:9000", value(cfg.forGateway(1), "INTERNAL_ADDR"))
	assert.Equal(t, "gateway-2", value(cfg.forGateway(2), "INSTANCE_ID"))
	assert.Equal(t, "127.0.0.1:0", value(cfg.forGateway(2), "GATEWAY_ADDR"))
	assert.Empty(t, value(cfg.forGateway(2), "INTERNAL_ADDR"))
}

func TestPayloadsAreEncryptedOnlyWhenAKeyringIsSet(t *testing.T) {
	value := func(e environment, name string) string { v, _ := e.lookup(envPrefix + name); return v }
	cfg := Config{Environ: []string{"ORDERFLOW_PAYLOAD_KEYS=of the caller"}}.withDefaults()
	for _, env := range []environment{cfg.forService("order", 1), cfg.forWorker(1), cfg.forGateway(1), cfg.forStarter()} {
		assert.Empty(t, value(env, "PAYLOAD_KEYS"), "off by default")
	}
	args, err := temporalArgs(cfg)
	require.NoError(t, err)
	assert.NotContains(t, args, "--ui-codec-endpoint")

	cfg.PayloadKeys = "/keys/payload.json"
	assert.Equal(t, "/keys/payload.json", value(cfg.forWorker(1), "PAYLOAD_KEYS"))
	assert.Equal(t, "/keys/payload.json", value(cfg.forGateway(1), "PAYLOAD_KEYS"))
	assert.Empty(t, value(cfg.forService("order", 1), "PAYLOAD_KEYS"), "services have no need of it")
	assert.Equal(t, "http://127.0.0.1:8233,http://localhost:8233", value(cfg.forGateway(1), "CODEC_ORIGINS"))
	assert.Equal(t, "http://127.0.0.1:8233", value(cfg.forGateway(1), "TEMPORAL_UI_URL"))
	args, err = temporalArgs(cfg)
	require.NoError(t, err)
	assert.Equal(t, "http://127.0.0.1:8080/codec", option(t, args, "--ui-codec-endpoint"))

	cfg.Environ = []string{"ORDERFLOW_CODEC_ORIGINS=https://temporal.shop.test"}
	assert.Equal(t, "https://temporal.shop.test", value(cfg.forGateway(1), "CODEC_ORIGINS"), "as the user says")
}

func TestSystemsSideBySideShareNoPort(t *testing.T) {
	one, two := Config{}.withDefaults(), Config{}.withDefaults()
	two.TemporalAddr, two.TemporalUIAddr, two.ConsulAddr = "127.0.0.1:17233", "127.0.0.1:18233", "127.0.0.1:18500"

	temporalOne, err := temporalArgs(one)
	require.NoError(t, err)
	temporalTwo, err := temporalArgs(two)
	require.NoError(t, err)
	assert.Equal(t, []string{"7233", "8233"}, []string{option(t, temporalOne, "--port"), option(t, temporalOne, "--ui-port")})
	assert.Equal(t, []string{"17233", "18233"}, []string{option(t, temporalTwo, "--port"), option(t, temporalTwo, "--ui-port")})

	seen := map[string]bool{}
	for _, cfg := range []Config{one, two} {
		args, err := consulArgs(cfg)
		require.NoError(t, err)
		for _, name := range []string{"-http-port", "-server-port", "-serf-lan-port"} {
			port := option(t, args, name)
			assert.False(t, seen[port], "port %s is used twice", port)
			seen[port] = true
		}
		for _, name := range []string{"-serf-wan-port", "-dns-port", "-grpc-port", "-https-port"} {
			assert.Equal(t, "-1", option(t, args, name))
		}
	}
}

func option(t *testing.T, args []string, name string) string {
	t.Helper()
	at := slices.Index(args, name)
	require.GreaterOrEqual(t, at, 0, "no %s", name)
	return args[at+1]
}

func TestDataFolderServesOneSystemAtATime(t *testing.T) {
	dir := t.TempDir()
	lock, err := claimDataDir(dir)
	require.NoError(t, err)
	_, err = claimDataDir(dir)
	require.EqualError(t, err, fmt.Sprintf(
		"the data folder %s is in use by another system (process %d); stop that one, or set ORDERFLOW_DATA_DIR to another folder",
		dir, os.Getpid()))
	require.NotErrorIs(t, err, filelock.ErrHeld)
	require.NoError(t, lock.Release())
}

func TestFirstTemporalDatabaseThatWasNotFinishedIsMadeAgain(t *testing.T) {
	s := &Stack{cfg: Config{DataDir: t.TempDir()}}
	database, unfinished := s.cfg.dataPath(temporalDatabase), s.cfg.dataPath(temporalUnfinished)

	require.NoError(t, s.prepareTemporalDatabase())
	assert.FileExists(t, unfinished, "until the server was ready")
	require.NoError(t, os.WriteFile(database, []byte("half"), 0o600))
	require.NoError(t, s.prepareTemporalDatabase())
	assert.NoFileExists(t, database)

	require.NoError(t, os.WriteFile(database, []byte("whole"), 0o600))
	require.NoError(t, os.Remove(unfinished)) // as once the server was ready
	require.NoError(t, s.prepareTemporalDatabase())
	assert.FileExists(t, database, "orders are never removed")
	assert.NoFileExists(t, unfinished)
}

func TestListenersOnAllInterfacesAreDialledOnLoopback(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080",
		"0.0.0.0:8080":   "127.0.0.1:8080",
		"localhost:8080": "127.0.0.1:8080",
		":8080":          "127.0.0.1:8080",
		"[::]:8080":      "[::1]:8080",
		"shop.test:8080": "shop.test:8080",
	} {
		assert.Equal(t, want, dialable(addr), addr)
	}
}

func TestOrderCommandNamesADataFolderThatIsNotTheDefault(t *testing.T) {
	s := &Stack{cfg: Config{GatewayAddr: "0.0.0.0:8080", Root: "/project", DataDir: "/project/.orderflow"}}
	assert.NotContains(t, s.orderCommand(), "ORDERFLOW_DATA_DIR")
	assert.Contains(t, s.orderCommand(), "http://127.0.0.1:8080/v1/orders")

	s.cfg.DataDir = "/it's here"
	assert.Contains(t, s.orderCommand(), `ORDERFLOW_DATA_DIR='/it'\''s here' go run ./starter token`)
}

func TestControlWorksFromAFolderWhosePathIsTooLongForASocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep", 30))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	t.Setenv("TMPDIR", shortTempDir(t))
	workers := &fakeWorkers{count: 1}
	c, err := listenForControl(dir, workers)
	require.NoError(t, err)

	before, err := Scale(t.Context(), dir, 5)
	require.NoError(t, err)
	assert.Equal(t, 1, before)
	assert.Equal(t, 5, workers.count)
	_, err = Scale(t.Context(), dir, 13)
	require.EqualError(t, err, "workers-6 does not start")

	require.NoError(t, c.close())
	_, err = Scale(t.Context(), dir, 2)
	require.ErrorIs(t, err, ErrNotRunning)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestControlFileOfAKilledSystemMeansNotRunning(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, atomicfile.Replace(filepath.Join(dir, controlPathFile), []byte(filepath.Join(dir, controlSocket)+"\n"), 0o600))
	_, err := Scale(t.Context(), dir, 2)
	require.ErrorIs(t, err, ErrNotRunning)
}

// shortTempDir stands for the system's temporary folder, whose path is short.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "o")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	return dir
}

type fakeWorkers struct{ count int }

func (w *fakeWorkers) ScaleWorkers(_ context.Context, count int) (int, error) {
	if count == 13 {
		return w.count, errors.New("workers-6 does not start")
	}
	before := w.count
	w.count = count
	return before, nil
}
