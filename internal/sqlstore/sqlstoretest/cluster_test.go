package sqlstoretest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

const (
	holderVariable    = "ORDERFLOW_TEST_HOLD_CLUSTER"
	restarterVariable = "ORDERFLOW_TEST_RESTART_CLUSTER"
)

// TestHoldCluster is no test of its own and does nothing in an ordinary run: it
// is the body of the process that the next test kills.
func TestHoldCluster(t *testing.T) {
	if os.Getenv(holderVariable) == "" {
		return
	}
	_, err := fmt.Fprintln(os.Stdout, "holding", sqlstoretest.Postgres(t))
	require.NoError(t, err)
	select {}
}

func TestKilledTestBinaryLeavesNoClusterBehind(t *testing.T) {
	sqlstoretest.Postgres(t) // skips where there is none
	if os.Getenv("ORDERFLOW_TEST_POSTGRES_DSN") != "" {
		t.Skip("skipped: a server is given, so no cluster is started")
	}
	holder := exec.Command(os.Args[0], "-test.run=^TestHoldCluster$", "-test.v")
	holder.Env = append(os.Environ(), holderVariable+"=1")
	output, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	folder := heldFolder(t, bufio.NewScanner(output))
	require.DirExists(t, folder)

	require.NoError(t, holder.Process.Kill())
	require.Error(t, holder.Wait(), "it was killed")

	// The folder goes last, after the server has ended.
	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}, 20*time.Second, 20*time.Millisecond)
}

func heldFolder(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	for lines.Scan() {
		if _, dsn, found := strings.Cut(lines.Text(), "holding "); found {
			address, err := url.Parse(dsn)
			require.NoError(t, err)
			return address.Query().Get("host")
		}
	}
	require.Fail(t, "the holder started no cluster")
	return ""
}

// It must have a test binary of its own to crash, for others use the server too.
func TestARestartedServerKeepsItsDatabasesAndIsNotLeftBehind(t *testing.T) {
	if os.Getenv(restarterVariable) != "" {
		dsn := sqlstoretest.Postgres(t)
		restart := sqlstoretest.RestartPostgres(t)
		require.NotNil(t, restart)
		_, err := fmt.Fprintln(os.Stdout, "holding", dsn)
		require.NoError(t, err)
		require.NoError(t, restart(t.Context()))
		db, err := sqlstore.Open(t.Context(), dsn)
		require.NoError(t, err)
		require.NoError(t, db.Close())
		return
	}
	sqlstoretest.Postgres(t) // skips where there is none
	if os.Getenv("ORDERFLOW_TEST_POSTGRES_DSN") != "" {
		t.Skip("skipped: a server is given, which is not ours to restart")
	}
	restarter := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	restarter.Env = append(os.Environ(), restarterVariable+"=1")
	output, err := restarter.CombinedOutput()
	require.NoError(t, err, "%s", output)
	folder := heldFolder(t, bufio.NewScanner(bytes.NewReader(output)))
	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}, 20*time.Second, 20*time.Millisecond)
}
