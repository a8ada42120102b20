package e2e_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The description must be good enough for strangers' tools: a client that
// another generator makes of it, in another language, is type-checked and shops.
func TestAGeneratedClientShops(t *testing.T) {
	npm := needsNode(t)
	// Otherwise an order would have shipped before it can be cancelled.
	s := start(t, settings(t, "ORDERFLOW_FAST_WAY=off", "ORDERFLOW_INVENTORY_FAULTS=latency=1s"))

	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../client")))
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
	run(npm, "ci")
	run(npm, "run", "generate")
	run(npm, "run", "build")
	run("node", "built/shop.js")
}

// needsNode returns npm. It skips the test where there is no Node.js, or fails it
// when ORDERFLOW_REQUIRE lists node.
func needsNode(t *testing.T) string {
	t.Helper()
	_, err := exec.LookPath("node")
	npm, npmErr := exec.LookPath("npm")
	if err == nil && npmErr == nil {
		return npm
	}
	if slices.Contains(strings.Split(os.Getenv("ORDERFLOW_REQUIRE"), ","), "node") {
		t.Fatal("ORDERFLOW_REQUIRE asks for Node.js: there is no node or no npm")
	}
	t.Skip("skipped: needs Node.js with npm")
	return ""
}
