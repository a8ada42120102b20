// Package consultest runs a real Consul agent for a test. It is for tests only;
// where no Consul is at hand, the test is skipped by name.
package consultest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// startTimeout bounds how long an agent may take to elect itself leader.
const startTimeout = 30 * time.Second

// Agent is a development agent of its own, on loopback, which keeps nothing
// when it restarts.
type Agent struct {
	// Addr is its HTTP address, the same after a restart.
	Addr string
	// DNSAddr is the address of its name server.
	DNSAddr string
	// Token is what it wants to see; empty when it is not protected.
	Token string

	binary  string
	ports   []int // HTTP, Serf LAN, server RPC, DNS
	process *exec.Cmd
	exited  chan struct{}
	output  *syncBuffer
}

// Start runs an agent until the end of the test and returns when it is ready.
// It skips the test when there is no Consul.
func Start(t *testing.T) *Agent {
	t.Helper()
	return start(t, "")
}

// StartProtected runs an agent as Start does, which answers nobody without the
// agent's Token.
func StartProtected(t *testing.T) *Agent {
	t.Helper()
	return start(t, "00000000-0000-0000-0000-000000000001")
}

func start(t *testing.T, token string) *Agent {
	t.Helper()
	binary := find()
	if binary == "" {
		t.Skip("skipped: needs a Consul agent (make tools)")
	}
	ports := freePorts(t, 4)
	a := &Agent{
		Addr:    net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])),
		DNSAddr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[3])),
		binary:  binary,
		Token:   token,
		ports:   ports,
		output:  &syncBuffer{},
	}
	t.Cleanup(func() {
		a.Kill()
		if t.Failed() {
			t.Logf("Consul's output:\n%s", a.output)
		}
	})
	a.Run(t)
	return a
}

// Run starts the agent again after Kill, without what it knew.
func (a *Agent) Run(t *testing.T) {
	t.Helper()
	arguments := []string{
		"agent", "-dev",
		"-bind", "127.0.0.1", "-client", "127.0.0.1",
		"-node", "test-" + strconv.Itoa(a.ports[0]), "-disable-host-node-id",
		"-http-port", strconv.Itoa(a.ports[0]),
		"-serf-lan-port", strconv.Itoa(a.ports[1]),
		"-server-port", strconv.Itoa(a.ports[2]),
		"-dns-port", strconv.Itoa(a.ports[3]),
		"-hcl", "ports { grpc = -1, serf_wan = -1 }",
		"-log-level", "warn",
	}
	if a.Token != "" {
		arguments = append(arguments, "-hcl", fmt.Sprintf(
			"acl { enabled = true, default_policy = \"deny\", tokens { initial_management = %[1]q, agent = %[1]q } }", a.Token))
	}
	a.process = exec.CommandContext(context.WithoutCancel(t.Context()), a.binary, arguments...)
	a.process.Stdout, a.process.Stderr = a.output, a.output
	// Settings of the machine's own Consul must not reach this one.
	a.process.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "CONSUL_") })
	require.NoError(t, a.process.Start())
	a.exited = make(chan struct{})
	go func(process *exec.Cmd, exited chan struct{}) {
		defer close(exited)
		_ = process.Wait() // killed: the error says only that
	}(a.process, a.exited)

	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	require.Eventually(t, func() bool { return a.hasExited() || a.ready(ctx) }, startTimeout, 50*time.Millisecond)
	require.False(t, a.hasExited(), "the Consul agent has ended")
}

// Kill ends the agent at once, as a crash does.
func (a *Agent) Kill() {
	if a.process == nil || a.process.Process == nil || a.exited == nil {
		return
	}
	_ = a.process.Process.Kill() // fails when it has ended already
	<-a.exited
}

func (a *Agent) hasExited() bool {
	select {
	case <-a.exited:
		return true
	default:
		return false
	}
}

// ready reports whether the agent has a leader and knows its own node, before
// which registrations do not appear.
func (a *Agent) ready(ctx context.Context) bool {
	leader, err := a.get(ctx, "/v1/status/leader")
	if err != nil || len(leader) <= len(`""`) {
		return false
	}
	nodes, err := a.get(ctx, "/v1/health/service/consul?passing")
	return err == nil && len(nodes) > len(`[]`)
}

func (a *Agent) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Addr+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Consul-Token", a.Token)
	request.Close = true // leaves no idle connection to the test's leak check
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return bytes.TrimSpace(body), err
}

// find looks for the binary at ORDERFLOW_CONSUL_BIN, then among the tools that
// the Makefile builds, then on PATH. It returns "" when there is none.
func find() string {
	if binary := os.Getenv("ORDERFLOW_CONSUL_BIN"); binary != "" {
		return binary
	}
	if root := moduleRoot(); root != "" {
		built, _ := filepath.Glob(filepath.Join(root, ".tools", "bin", "consul-*")) // fails only on a bad pattern
		if len(built) > 0 {
			return slices.Max(built)
		}
	}
	binary, err := exec.LookPath("consul")
	if err != nil {
		return ""
	}
	return binary
}

// moduleRoot is the folder of go.mod above the test's.
func moduleRoot() string {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			break
		}
		folder = parent
	}
	return ""
}

// freePorts returns ports that nobody listens on. All are held until the last
// is found, so that they differ.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, 0, n)
	for range n {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = listener.Close() }()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// syncBuffer collects the output of both the agent's streams.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
