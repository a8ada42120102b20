package fence_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// The connection breaks in the middle of a commit. The caller cannot know what
// became of the action; calling it again under the same key settles it.
func TestAnUnknownOutcomeIsSettledByCallingAgain(t *testing.T) {
	for name, test := range map[string]struct {
		cut  sqlstoretest.Cut
		want string
	}{
		"rolled back": {sqlstoretest.CommitLost, "second"},
		"committed":   {sqlstoretest.AnswerLost, "first"},
	} {
		t.Run(name, func(t *testing.T) {
			dsn := sqlstoretest.Postgres(t)
			sqlstoretest.Open(t, dsn, fence.Schema(), effects())
			proxied, arm := sqlstoretest.CutCommit(t, dsn, test.cut)
			s := service{sqlstoretest.Open(t, proxied)}
			key := keyOf("order-1")

			arm()
			_, err := s.act(t.Context(), key, body{2}, "first", nil)
			require.ErrorIs(t, err, sqlstore.ErrOutcomeUnknown)

			given, err := s.act(t.Context(), key, body{2}, "second", nil)
			require.NoError(t, err)
			assert.Equal(t, answer{test.want}, given)
			assert.Equal(t, []string{test.want}, s.numbers(t.Context(), t, key))
		})
	}
}

// An effect may insert a row that exists only once, without looking first. Of
// equal calls at the same moment all but one find it there, and must get the
// first answer, not the database's complaint.
func TestEqualCallsAtOnceWhoseEffectIsAUniqueRow(t *testing.T) {
	unique := sqlstore.Schema{Name: "messages", Migrations: fstest.MapFS{
		"001_message.sql": {Data: []byte("-- +goose Up\nCREATE TABLE message (fence_key TEXT PRIMARY KEY);\n")},
	}}
	sqlstoretest.Each(t, []sqlstore.Schema{fence.Schema(), unique}, func(t *testing.T, db *sqlstore.DB) {
		for _, orderID := range []string{"order-1", "order-2", "order-3", "order-4"} {
			key := keyOf(orderID)
			send := func() error {
				return db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					_, err := fence.Act(ctx, tx, key, body{2}, now, func() (answer, error) {
						_, err := tx.ExecContext(ctx, `INSERT INTO message (fence_key) VALUES ($1)`, key.String())
						return answer{"sent"}, err
					})
					return err
				})
			}
			errs := make([]error, 20)
			var done sync.WaitGroup
			for i := range errs {
				done.Go(func() { errs[i] = send() })
			}
			done.Wait()
			require.NoError(t, errors.Join(errs...))
		}
	})
}
