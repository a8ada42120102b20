package devstack_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
	"orderflow/internal/toolchain"
)

// projects holds the fake project that the tests share: to build it takes longer
// than to run it.
var projects string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if projects, err = os.MkdirTemp("", "devstack-test-"); err != nil {
			panic(err)
		}
		code := m.Run()
		if err := errors.Join(goleak.Find(), os.RemoveAll(projects)); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return code
	}())
}

// Variables that make the fake of one service fail, by its instance ID.
const (
	fakeExits = "FAKE_EXITS" // at the start, with a last word
	fakeHangs = "FAKE_HANGS" // never registers, never is ready
	fakeWrong = "FAKE_WRONG" // has a wrong setting
)

// fakeProcess is a service, a worker or the gateway as the stack sees them: it
// registers in Consul under its instance ID, answers /readyz, and ends on
// SIGTERM.
const fakeProcess = `package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func Serve() {
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	id := os.Getenv("ORDERFLOW_INSTANCE_ID")
	if len(os.Args) > 1 && os.Args[1] == "--check-settings" {
		if id == os.Getenv("FAKE_WRONG") {
			fmt.Fprintln(os.Stderr, "gateway: setting --rate-limit (ORDERFLOW_RATE_LIMIT): \"x\" is no number")
			os.Exit(2)
		}
		return
	}
	switch id {
	case os.Getenv("FAKE_EXITS"):
		fmt.Println("the store is of a newer schema")
		os.Exit(1)
	case os.Getenv("FAKE_HANGS"):
		<-stopped.Done()
		return
	}
	name := id[:strings.LastIndex(id, "-")]
	addr := "127.0.0.1:0"
	if name == "gateway" {
		addr = os.Getenv("ORDERFLOW_GATEWAY_ADDR")
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("faults=%q dsn=%q\n", os.Getenv("ORDERFLOW_FAULTS"), os.Getenv("ORDERFLOW_DSN"))
	go http.Serve(listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	port := listener.Addr().(*net.TCPAddr).Port
	for stopped.Err() == nil {
		register(name, id, port)
		select {
		case <-time.After(200 * time.Millisecond):
		case <-stopped.Done():
		}
	}
}

func register(name, id string, port int) {
	agent := "http://" + os.Getenv("ORDERFLOW_CONSUL_ADDR") + "/v1/agent"
	body, _ := json.Marshal(map[string]any{
		"ID": id, "Name": name, "Address": "127.0.0.1", "Port": port,
		"Check": map[string]any{"TTL": "30s", "Status": "passing"},
	})
	request, _ := http.NewRequest(http.MethodPut, agent+"/service/register", bytes.NewReader(body))
	if response, err := http.DefaultClient.Do(request); err == nil {
		response.Body.Close()
	}
}
`

const fakeStarter = `package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Printf("starter %s: gateway %s, Temporal UI %s, Consul %s, data %s\n", os.Args[1], os.Getenv("ORDERFLOW_GATEWAY_ADDR"),
		os.Getenv("ORDERFLOW_TEMPORAL_UI_ADDR"), os.Getenv("ORDERFLOW_CONSUL_ADDR"), os.Getenv("ORDERFLOW_DATA_DIR"))
}
`

// fakeProject is a project whose programs are fakes.
func fakeProject(t *testing.T) (root string) {
	t.Helper()
	root = filepath.Join(projects, "orderflow")
	if _, err := os.Stat(root); err == nil {
		return root
	}
	write(t, filepath.Join(root, "go.mod"), "module orderflow\n\ngo 1.26\n")
	write(t, filepath.Join(root, "fake", "fake.go"), fakeProcess)
	write(t, filepath.Join(root, "starter", "main.go"), fakeStarter)
	folders := []string{"workers", "gateway"}
	for _, service := range devstack.Services() {
		folders = append(folders, filepath.Join("services", service, "server"))
	}
	for _, folder := range folders {
		write(t, filepath.Join(root, folder, "main.go"),
			"package main\n\nimport \"orderflow/fake\"\n\nfunc main() { fake.Serve() }\n")
	}
	return root
}

// servers returns the Temporal and Consul programs, or skips the test where
// they have not been built.
func servers(t *testing.T) (temporal, consul string) {
	t.Helper()
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	find := func(tool toolchain.Tool) string {
		version, err := tool.Version(root)
		require.NoError(t, err)
		found, err := filepath.Glob(filepath.Join(toolchain.BinFolder(root), fmt.Sprintf("%s-%s-*", tool.Name, version)))
		require.NoError(t, err)
		if len(found) == 0 {
			t.Skipf("skipped: needs %s %s (make tools)", tool.Name, version)
		}
		return found[0]
	}
	return find(toolchain.Temporal), find(toolchain.Consul)
}

// fakeConfig is a system of fakes beside real servers, on free ports and data
// of its own.
func fakeConfig(t *testing.T) devstack.Config {
	t.Helper()
	temporal, consul := servers(t)
	addrs, err := devstack.FreeAddrs(4)
	require.NoError(t, err)
	return devstack.Config{
		GatewayAddr: addrs[0], TemporalAddr: addrs[1], TemporalUIAddr: addrs[2], ConsulAddr: addrs[3],
		TemporalBin: temporal, ConsulBin: consul,
		DataDir: t.TempDir(), Root: fakeProject(t), Out: t.Output(), Console: supervisor.Warn,
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}
