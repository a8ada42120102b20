package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi/openapitest"
	"orderflow/internal/devstack"
)

// patience is how long a test waits for what must happen: it bounds a hang, it
// measures nothing.
const patience = 4 * time.Minute

// system is the running product and what a test does with it from outside.
type system struct {
	*devstack.Stack
	t     *testing.T
	cfg   devstack.Config
	token string
}

// settings are those of a system of its own: free ports, an empty data folder.
func settings(t *testing.T, environ ...string) devstack.Config {
	t.Helper()
	addrs, err := devstack.FreeAddrs(4)
	require.NoError(t, err)
	return devstack.Config{
		GatewayAddr: addrs[0], TemporalAddr: addrs[1], TemporalUIAddr: addrs[2], ConsulAddr: addrs[3],
		DataDir: t.TempDir(), Environ: append(os.Environ(), environ...), Out: t.Output(),
	}
}

// start boots the system and stops it when the test ends.
func start(t *testing.T, cfg devstack.Config) *system {
	t.Helper()
	// The first start builds the tools, which takes minutes.
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	stack, err := devstack.Start(ctx, cfg)
	require.NoError(t, err)
	s := &system{Stack: stack, t: t, cfg: cfg}
	t.Cleanup(func() {
		s.keepLogs()
		require.NoError(t, stack.Stop())
	})
	s.token = s.issue("e2e", "admin ops orders:read orders:write")
	return s
}

// issue makes a token as a person would.
func (s *system) issue(subject, scope string) string {
	out, err := s.starter("token", "--subject", subject, "--scope", scope).Output()
	require.NoError(s.t, err)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// starter is the command-line client, pointed at this system.
func (s *system) starter(args ...string) *exec.Cmd {
	command := exec.CommandContext(s.t.Context(), s.Program("starter"), args...)
	command.Env = s.Environ()
	return command
}

// answer is what the gateway said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) into(t require.TestingT, v any) {
	require.NoError(t, json.Unmarshal(a.body, v), "%s", a.body)
}

// call asks the gateway with the operator's token. An error is one of the
// connection.
func (s *system) call(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	return s.callAt(ctx, s.GatewayURL(), method, path, body, headers...)
}

// callAt is call for any of several gateways. What is not as openapi.yaml
// describes it fails the test.
func (s *system) callAt(ctx context.Context, gateway, method, path string, body any, headers ...string) (answer, error) {
	return s.send(ctx, openapitest.Transport(s.t, http.DefaultTransport), method, gateway+path, body, headers...)
}

// callService is call for a service, past the gateway.
func (s *system) callService(ctx context.Context, service, method, path string, body any, headers ...string) (answer, error) {
	return s.send(ctx, http.DefaultTransport, method, service+path, body, headers...)
}

func (s *system) send(ctx context.Context, through http.RoundTripper, method, url string, body any, headers ...string) (answer, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(s.t, err)
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, text)
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+s.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Client{Transport: through}).Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: content}, err
}

// get reads something that must be there.
func (s *system) get(path string, into any) {
	s.t.Helper()
	for {
		found, err := s.call(s.t.Context(), http.MethodGet, path, nil)
		require.NoError(s.t, err)
		if found.status == http.StatusTooManyRequests {
			s.waitAsTold(found)
			continue
		}
		require.Equal(s.t, http.StatusOK, found.status, "%s: %s", path, found.body)
		found.into(s.t, into)
		return
	}
}

// waitAsTold waits for as long as the gateway's Retry-After says.
func (s *system) waitAsTold(a answer) {
	s.t.Helper()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(s.t, err)
	select {
	case <-time.After(time.Duration(seconds) * time.Second):
	case <-s.t.Context().Done():
	}
}

// keepLogs shows the ends of the processes' logs when the test has failed.
func (s *system) keepLogs() {
	if !s.t.Failed() {
		return
	}
	files, err := filepath.Glob(filepath.Join(s.DataDir(), "logs", "*.log"))
	if err != nil {
		return
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		s.t.Logf("the end of %s:\n%s", filepath.Base(file), text[max(0, len(text)-4000):])
	}
}
