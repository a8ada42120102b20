package chassis

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
	"orderflow/internal/sqlstore"
)

// asMain is the environment variable with the arguments of a program that the
// binary of this test is to run.
const asMain = "CHASSIS_TEST_MAIN"

// program is a service without routes, in a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestServeAsMain$")
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), asMain+"="+strings.Join(append(args, "--no-discovery"), " "))
	return command
}

// TestServeAsMain is what the binary runs as a program; by itself it is no test.
func TestServeAsMain(t *testing.T) {
	args, child := os.LookupEnv(asMain)
	if !child {
		t.Skip("it is for the other tests")
	}
	os.Args = append(os.Args[:1], strings.Fields(args)...)
	MainOnDatabase(Program{Name: "notes", Description: "Keeps notes."}, func(ctx context.Context, dsn string) (Parts, error) {
		return OnDatabase(ctx, dsn, nil, func(*sqlstore.DB) func(gin.IRouter) {
			return func(r gin.IRouter) {
				r.GET("/notes", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, dsn) })
			}
		})
	})
}

func TestMainThatCannotStartEndsWithACodeThatSaysWhy(t *testing.T) {
	taken, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	for name, test := range map[string]struct {
		argument string
		code     int
		says     string
	}{
		"the help":         {"--help", 0, "Keeps notes."},
		"a wrong setting":  {"--dsn=mysql://db", 2, "notes: setting --dsn (ORDERFLOW_DSN): " + sqlstore.ErrBadDSN.Error()},
		"no such database": {"--dsn=sqlite:/dev/null/notes.db", 1, "building notes"},
		"a taken port":     {"--listen-addr=" + taken.Addr().String(), 1, "another process has the port"},
	} {
		t.Run(name, func(t *testing.T) {
			process := program(t, test.argument)
			output, _ := process.CombinedOutput() // the exit code says more
			assert.Equal(t, test.code, process.ProcessState.ExitCode(), "%s", output)
			assert.Contains(t, string(output), test.says)
		})
	}
}

func TestMainServesFromItsOwnDatabaseUntilItIsAskedToEnd(t *testing.T) {
	process, logs := program(t), &logLines{}
	process.Stderr = logs
	require.NoError(t, process.Start())
	require.Eventually(t, func() bool { return logs.addr() != "" }, within, time.Millisecond, "it serves")
	t.Cleanup(http.DefaultClient.CloseIdleConnections)

	status, body := fetch(t, "http://"+logs.addr()+"/notes")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `"sqlite:./.orderflow/notes.db"`, body)
	assert.FileExists(t, filepath.Join(process.Dir, ".orderflow", "notes.db"))
	status, body = fetch(t, "http://"+logs.addr()+"/readyz")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "database")

	require.NoError(t, process.Process.Signal(syscall.SIGTERM))
	require.NoError(t, process.Wait(), "%s", logs)
}
