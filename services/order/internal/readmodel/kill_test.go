package readmodel

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// victimVariable names the database of a projector that is to be killed.
const victimVariable = "ORDERFLOW_TEST_PROJECT"

// TestProjectUntilKilled is no test of its own and does nothing in an ordinary
// run: it is the body of the process that the next test kills. It says on its
// standard output where it is.
func TestProjectUntilKilled(t *testing.T) {
	dsn := os.Getenv(victimVariable)
	if dsn == "" {
		return
	}
	projector := newHistory(t, sqlstoretest.Open(t, dsn)).projector()
	projector.batch = 30
	say := func(what string) error {
		_, err := fmt.Fprintln(os.Stdout, "projector", what)
		return err
	}
	projector.beforeCommit = func() error { return say("commits") }
	for {
		_, err := projector.RunOnce(t.Context())
		require.NoError(t, err)
		require.NoError(t, say("looks"))
	}
}

// A projector's process dies again and again, while it writes, commits or reads,
// and another takes over. In the end every event has counted once.
func TestAProjectorThatIsKilledAgainAndAgainLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	events, kills := 10_000, 100
	if testing.Short() {
		events, kills = 1_000, 10
	}
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		t.Parallel()
		h := newHistory(t, sqlstoretest.Open(t, dsn, migrations.Schemas()...))
		random := rand.New(rand.NewPCG(5, 6))
		versions := make(map[string]int64)
		moved := 0
		for range kills {
			before := h.checkpoint()
			h.happenTogether(events/kills, versions)
			h.killProjector(dsn, 1+random.IntN(10))
			if h.checkpoint() > before {
				moved++
			}
		}
		require.Greater(t, moved, kills/2, "they died at work")
		projector := h.projector()
		h.catchUp(projector)
		require.EqualValues(t, events, h.checkpoint())
		survived := h.rows()
		require.NoError(t, h.rebuild(projector), "the replay from zero")
		require.Equal(t, h.rows(), survived)
	})
}

// killProjector starts a projector in a process of its own and kills it, with
// SIGKILL, when it has said so many lines.
func (h *history) killProjector(dsn string, lines int) {
	victim := exec.Command(os.Args[0], "-test.run=^TestProjectUntilKilled$", "-test.v")
	victim.Env = append(os.Environ(), victimVariable+"="+dsn)
	output, err := victim.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, victim.Start())
	said := bufio.NewScanner(output)
	for lines > 0 && said.Scan() {
		if strings.HasPrefix(said.Text(), "projector ") {
			lines--
		}
	}
	require.NoError(h.t, victim.Process.Kill())
	require.Zero(h.t, lines, "the projector ended by itself: %s", said.Text())
	_ = victim.Wait() // it was killed
}

func (h *history) checkpoint() int64 {
	live, err := h.projector().live(h.t.Context())
	require.NoError(h.t, err)
	return live.position
}

// happenTogether appends n events in one transaction. Versions are those of the
// streams, and are kept up to date.
func (h *history) happenTogether(n int, versions map[string]int64) {
	require.NoError(h.t, h.events.InTx(h.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for range n {
			id, event := h.next()
			data, err := h.codec.Encode(event)
			require.NoError(h.t, err)
			h.count++
			stream := eventstore.Stream{Type: domain.AggregateType, ID: id}
			recorded := eventstore.Event{ID: fmt.Sprintf("event-%d", h.count), Data: data}
			if versions[id], err = h.events.Append(ctx, tx, stream, versions[id], noon, recorded); err != nil {
				return err
			}
		}
		return nil
	}))
}
