package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/semver"
)

// The description must be good enough for strangers' tools: a client that
// another generator makes of it, in another language, is type-checked and shops.
func TestAGeneratedClientShops(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../client")))
	npm := needsNode(t, dir)
	// Otherwise an order would have shipped before it can be cancelled.
	s := start(t, settings(t, "ORDERFLOW_FAST_WAY=off", "ORDERFLOW_INVENTORY_FAULTS=latency=1s"))

	description, err := os.Create(filepath.Join(dir, "openapi.yaml"))
	require.NoError(t, err)
	served, err := http.Get(s.GatewayURL() + "/openapi.yaml")
	require.NoError(t, err)
	_, err = io.Copy(description, served.Body)
	require.NoError(t, err)
	require.NoError(t, served.Body.Close())
	require.NoError(t, description.Close())

	run := func(program string, arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), program, arguments...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GATEWAY="+s.GatewayURL(), "ADMIN_TOKEN="+s.token,
			"CUSTOMER_TOKEN="+s.issue("cust-generated", "orders:read orders:write"))
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s %s\n%s", program, strings.Join(arguments, " "), output)
	}
	run(npm, "run", "generate")
	run(npm, "run", "build")
	run("node", "built/shop.js")
}

// oldestNode is what the generator needs.
const oldestNode = "v18.18.0"

// needsNode installs what the client in the folder needs, and returns npm. Where
// that cannot be, because Node.js, npm or the registry is not there, it skips the
// test, or fails it when ORDERFLOW_REQUIRE lists node.
func needsNode(t *testing.T, dir string) (npm string) {
	t.Helper()
	npm, err := installClient(t.Context(), dir)
	switch {
	case err == nil:
		return npm
	case slices.Contains(strings.Split(os.Getenv("ORDERFLOW_REQUIRE"), ","), "node"):
		require.NoError(t, err, "ORDERFLOW_REQUIRE asks for Node.js")
	}
	t.Skipf("skipped: needs Node.js 18.18 with npm and its registry: %v", err)
	return ""
}

func installClient(ctx context.Context, dir string) (npm string, err error) {
	version, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("asking for the version of Node.js: %w", err)
	}
	if found := strings.TrimSpace(string(version)); semver.Compare(found, oldestNode) < 0 {
		return "", fmt.Errorf("Node.js is %s, older than %s", found, oldestNode)
	}
	if npm, err = exec.LookPath("npm"); err != nil {
		return "", err
	}
	// By itself npm gives a silent registry many minutes.
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "ci", "--fetch-timeout=20000", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
	install.Dir, install.WaitDelay = dir, 10*time.Second
	if output, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, output)
	}
	return npm, nil
}
