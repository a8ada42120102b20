package fence_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

var errRefused = problem.New(problem.OutOfStock, "nothing left")

type body struct {
	Quantity int `json:"quantity"`
}

type answer struct {
	Number string `json:"number"`
}

// effects is the table of what a service does: one row for each effect, so
// that an effect without its fence row, or the other way round, is seen.
func effects() sqlstore.Schema {
	return sqlstore.Schema{Name: "effects", Migrations: fstest.MapFS{
		"001_effects.sql": {Data: []byte("-- +goose Up\nCREATE TABLE effect (fence_key TEXT NOT NULL, number TEXT NOT NULL);\n")},
	}}
}

func each(t *testing.T, suite func(t *testing.T, s service)) {
	t.Helper()
	sqlstoretest.Each(t, []sqlstore.Schema{fence.Schema(), effects()}, func(t *testing.T, db *sqlstore.DB) {
		suite(t, service{db})
	})
}

// service uses the fence as the services do: one transaction a call.
type service struct{ db *sqlstore.DB }

// act inserts an effect row, and then fails when refusal is given.
func (s service) act(ctx context.Context, key fence.Key, request body, number string, refusal error) (answer, error) {
	var given answer
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		given, err = fence.Act(ctx, tx, key, request, now, func() (answer, error) {
			return answer{number}, errors.Join(insertEffect(ctx, tx, key, number), refusal)
		})
		return err
	})
	return given, err
}

func (s service) begin(ctx context.Context, key fence.Key, request body) (fence.Seen, error) {
	var seen fence.Seen
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		seen, err = fence.Begin(ctx, tx, key, request, now)
		return err
	})
	return seen, err
}

func (s service) confirm(ctx context.Context, key fence.Key, number string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := insertEffect(ctx, tx, key, number); err != nil {
			return err
		}
		return fence.Confirm(ctx, tx, key, answer{number}, now)
	})
}

func (s service) compensate(ctx context.Context, key fence.Key) (fence.Seen, error) {
	var seen fence.Seen
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if seen, err = fence.Compensate(ctx, tx, key, now); err != nil || seen.State != fence.Confirmed {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM effect WHERE fence_key = $1`, key.String())
		return err
	})
	return seen, err
}

func insertEffect(ctx context.Context, tx *sql.Tx, key fence.Key, number string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO effect (fence_key, number) VALUES ($1, $2)`, key.String(), number)
	return err
}

// numbers are those of the effects that stand for the key.
func (s service) numbers(ctx context.Context, t require.TestingT, key fence.Key) []string {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT number FROM effect WHERE fence_key = $1`, key.String())
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var number string
		require.NoError(t, rows.Scan(&number))
		found = append(found, number)
	}
	require.NoError(t, rows.Err())
	return found
}

func keyOf(orderID string) fence.Key {
	return fence.Key{OrderID: orderID, Step: "reserve", Revision: 1}
}

func TestActAgainGivesTheFirstAnswerAndHasNoEffect(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		for _, number := range []string{"first", "second", "third"} {
			given, err := s.act(t.Context(), key, body{2}, number, nil)
			require.NoError(t, err)
			assert.Equal(t, answer{"first"}, given)
		}
		assert.Equal(t, []string{"first"}, s.numbers(t.Context(), t, key))
	})
}

func TestAnotherBodyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		_, err := s.act(t.Context(), key, body{2}, "first", nil)
		require.NoError(t, err)
		_, err = s.act(t.Context(), key, body{3}, "second", nil)
		assert.Equal(t, problem.KeyReused, problem.CodeOf(err))
		assert.Equal(t, []string{"first"}, s.numbers(t.Context(), t, key))
	})
}

func TestOrderStepAndRevisionMakeKeysDiffer(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		for _, key := range []fence.Key{
			{OrderID: "order-1", Step: "reserve", Revision: 1},
			{OrderID: "order-2", Step: "reserve", Revision: 1},
			{OrderID: "order-1", Step: "charge", Revision: 1},
			{OrderID: "order-1", Step: "reserve", Revision: 2},
		} {
			given, err := s.act(t.Context(), key, body{2}, key.String(), nil)
			require.NoError(t, err)
			assert.Equal(t, answer{key.String()}, given)
		}
	})
}

func TestARefusedEffectLeavesNothingAndMayBeTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		_, err := s.act(t.Context(), key, body{2}, "refused", errRefused)
		require.ErrorIs(t, err, errRefused)
		assert.Empty(t, s.numbers(t.Context(), t, key))

		given, err := s.act(t.Context(), key, body{1}, "second", nil)
		require.NoError(t, err)
		assert.Equal(t, answer{"second"}, given)
	})
}

func TestAnActionThatMeetsItsTombstoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		seen, err := s.compensate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, fence.Seen{State: fence.Unknown}, seen)

		_, err = s.act(t.Context(), key, body{2}, "late", nil)
		assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
		_, err = s.begin(t.Context(), key, body{2})
		assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
		assert.Empty(t, s.numbers(t.Context(), t, key))
	})
}

func TestCompensateTellsWhatThereIsToUndoOnce(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		_, err := s.act(t.Context(), key, body{2}, "first", nil)
		require.NoError(t, err)

		seen, err := s.compensate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, fence.Confirmed, seen.State)
		assert.JSONEq(t, `{"number": "first"}`, string(seen.Answer))

		seen, err = s.compensate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, fence.Compensated, seen.State)
	})
}

func TestBeginAgainTellsThatAProviderMayHaveBeenAsked(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		for _, want := range []fence.State{fence.Unknown, fence.Tried, fence.Tried} {
			seen, err := s.begin(t.Context(), key, body{2})
			require.NoError(t, err)
			assert.Equal(t, want, seen.State)
		}
		require.NoError(t, s.confirm(t.Context(), key, "first"))
		seen, err := s.begin(t.Context(), key, body{2})
		require.NoError(t, err)
		assert.Equal(t, fence.Confirmed, seen.State)
		assert.JSONEq(t, `{"number": "first"}`, string(seen.Answer))
	})
}

// Two processes may both have begun: their provider recognises the key, and
// the fence lets only one record the effect.
func TestTheSecondConfirmRecordsNothingAndMayAskAgain(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		for range 2 {
			_, err := s.begin(t.Context(), key, body{2})
			require.NoError(t, err)
		}
		require.NoError(t, s.confirm(t.Context(), key, "first"))
		assert.Equal(t, problem.InFlight, problem.CodeOf(s.confirm(t.Context(), key, "second")))
		assert.Equal(t, []string{"first"}, s.numbers(t.Context(), t, key))
	})
}

func TestConfirmAfterACompensationRecordsNothing(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		_, err := s.begin(t.Context(), key, body{2})
		require.NoError(t, err)
		seen, err := s.compensate(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, fence.Tried, seen.State)

		assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(s.confirm(t.Context(), key, "late")))
		assert.Empty(t, s.numbers(t.Context(), t, key))
	})
}

func TestConfirmWithoutBeginIsADefect(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		err := s.confirm(t.Context(), keyOf("order-1"), "first")
		require.ErrorContains(t, err, "never begun")
		assert.Equal(t, problem.Internal, problem.CodeOf(err))
	})
}

func TestFiftyEqualCallsAtOnceHaveOneEffectAndOneAnswer(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		key := keyOf("order-1")
		answers, errs := make([]answer, 50), make([]error, 50)
		var done sync.WaitGroup
		for i := range answers {
			done.Go(func() { answers[i], errs[i] = s.act(t.Context(), key, body{2}, string(rune('A'+i)), nil) })
		}
		done.Wait()
		require.NoError(t, errors.Join(errs...))
		stored := s.numbers(t.Context(), t, key)
		require.Len(t, stored, 1)
		for _, given := range answers {
			assert.Equal(t, answer{stored[0]}, given)
		}
	})
}

// Whichever comes first, nothing stands in the end and later actions are
// refused.
func TestActionsThatRaceTheirCompensationEndUndone(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		for _, orderID := range []string{"order-1", "order-2", "order-3", "order-4"} {
			key := keyOf(orderID)
			var done sync.WaitGroup
			for range 10 {
				done.Go(func() {
					_, err := s.act(t.Context(), key, body{2}, "racing", nil)
					if err != nil {
						assert.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
					}
				})
			}
			done.Go(func() {
				_, err := s.compensate(t.Context(), key)
				assert.NoError(t, err)
			})
			done.Wait()
			assert.Empty(t, s.numbers(t.Context(), t, key))
		}
	})
}

func TestActAnswersWhatItWillAnswerAgain(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		type receipt struct {
			At    time.Time       `json:"at"`
			Notes map[string]any  `json:"notes"`
			Raw   json.RawMessage `json:"raw"`
		}
		issue := func() receipt {
			var given receipt
			require.NoError(t, s.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				var err error
				given, err = fence.Act(ctx, tx, keyOf("order-1"), body{1}, now, func() (receipt, error) {
					return receipt{At: now, Notes: map[string]any{"b": "<é>", "a": nil}, Raw: json.RawMessage(`{"n":9007199254740993}`)}, nil
				})
				return err
			}))
			return given
		}
		first, second := issue(), issue()
		assert.Equal(t, first, second)
	})
}
