package simulation

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// buildJudge builds the one judge of all tests, at the first call.
var buildJudge func() (Judge, error)

func judge(t *testing.T) Judge {
	t.Helper()
	built, err := buildJudge()
	require.NoError(t, err)
	return built
}

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "orderflow-judge-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	buildJudge = sync.OnceValues(func() (Judge, error) { return BuildJudge(context.Background(), folder) })
	goleak.VerifyTestMain(m,
		goleak.Cleanup(func(exitCode int) {
			_ = os.RemoveAll(folder) // one of the system's temporary folders
			os.Exit(exitCode)
		}),
		// The shared HTTP client keeps idle connections.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	)
}
