// Package temporaltest runs a real Temporal server for a test. It is for tests
// only; where no server is at hand, the test is skipped by name.
package temporaltest

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"orderflow/internal/temporalclient"
)

// Namespace is the one that the server has.
const Namespace = "default"

const startTimeout = time.Minute

// Start runs a server in memory on loopback until the end of the test and
// returns its address. ExtraArgs are added to "temporal server start-dev". It
// skips the test when there is no Temporal.
func Start(t *testing.T, extraArgs ...string) (addr string) {
	t.Helper()
	binary := find()
	if binary == "" {
		t.Skip("skipped: needs a Temporal server (make tools)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	var quiet log.Logger = temporalclient.NewLogger(zap.NewNop())
	server, err := testsuite.StartDevServer(ctx, testsuite.DevServerOptions{
		ExistingPath:  binary,
		ClientOptions: &client.Options{Namespace: Namespace, Logger: quiet},
		LogLevel:      "error",
		Stdout:        io.Discard,
		Stderr:        io.Discard,
		ExtraArgs:     extraArgs,
	})
	require.NoError(t, err, "starting a Temporal server")
	t.Cleanup(func() {
		server.Client().Close()
		// It reports the signal that it was stopped with.
		_ = server.Stop()
	})
	return server.FrontendHostPort()
}

// find looks for the program that a setting names, the one that the project
// built, and the one on PATH.
func find() string {
	if binary := os.Getenv("ORDERFLOW_TEMPORAL_BIN"); binary != "" {
		return binary
	}
	if root := moduleRoot(); root != "" {
		built, _ := filepath.Glob(filepath.Join(root, ".tools", "bin", "temporal-*")) // fails only on a bad pattern
		if len(built) > 0 {
			return slices.Max(built)
		}
	}
	binary, err := exec.LookPath("temporal")
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
