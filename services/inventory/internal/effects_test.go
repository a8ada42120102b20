package internal_test

import (
	"context"
	"database/sql"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/effects"
	"orderflow/internal/effects/effectstest"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/inventory"
	"orderflow/services/inventory/internal"
	"orderflow/services/inventory/inventorytest"
)

func TestWhatIsHeldIsListedOnceUntilItIsReleasedOrCommitted(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 10)
		count(t, stock, "b", 10)
		before := time.Now().Add(-time.Minute)
		for _, order := range []string{"order-1", "order-2", "order-3", "order-4"} {
			_, err := stock.Reserve(t.Context(), reserve(order, inventory.Line{ProductID: "a", Quantity: 1}, inventory.Line{ProductID: "b", Quantity: 1}))
			require.NoError(t, err)
		}
		require.NoError(t, stock.Release(t.Context(), release("order-2")))
		require.NoError(t, stock.Commit(t.Context(), commit("order-3")))

		after := time.Now().Add(time.Minute)
		require.Equal(t, []inventory.Key{key("order-1", "ReserveInventory"), key("order-4", "ReserveInventory")},
			keysOf(effectstest.Walk(t, stock.Held, time.Time{}, after)))
		require.Len(t, effectstest.Walk(t, stock.Held, before, after), 2)
		require.Empty(t, effectstest.Walk(t, stock.Held, time.Time{}, before), "none is as old")
		require.Empty(t, effectstest.Walk(t, stock.Held, after, after.Add(time.Hour)), "none is as young")
	})
}

func keysOf(all []effects.Effect) (keys []inventory.Key) {
	for _, effect := range all {
		keys = append(keys, effect.Key)
	}
	return keys
}

// Among many reservations, those that are held are found along their index.
func TestWhatIsHeldIsFoundWithoutLookingAtTheRest(t *testing.T) {
	sqlstoretest.Each(t, internal.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO reservation (order_id, step, revision, product_id, quantity, state, held_at)
				WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < 50000)
				SELECT 'order-' || n, 'ReserveInventory', 1, 'a', 1, CASE WHEN n % 1000 = 0 THEN 'held' ELSE 'committed' END, 1772366400000000 + n
				FROM serial`)
			return err
		}))
		effectstest.RequireIndex(t, db, internal.EffectKinds()[0], "reservation_held")
	})
}

// A store of an earlier version learns from its fences since when it holds what
// it holds.
func TestWhatWasHeldBeforeTheListWasThereIsListed(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		heldAt := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		old, err := sqlstore.Open(t.Context(), dsn, until(t, "002")...)
		require.NoError(t, err)
		require.NoError(t, old.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
				VALUES ('order-1', 'ReserveInventory', 1, 'confirmed', '', '', $1, $1, 0)`, heldAt.UnixMicro())
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `
				INSERT INTO reservation (order_id, step, revision, product_id, quantity, state)
				VALUES ('order-1', 'ReserveInventory', 1, 'a', 1, 'held')`)
			return err
		}))
		require.NoError(t, old.Close())

		stock := inventorytest.Start(t, inventorytest.WithDSN(dsn))
		require.Equal(t, []effects.Effect{{Key: key("order-1", "ReserveInventory"), Since: heldAt}},
			effectstest.Walk(t, stock.Held, time.Time{}, time.Now()))
	})
}

// until returns the schemas as they were when the migration of that number was
// the last one of the service.
func until(t *testing.T, last string) []sqlstore.Schema {
	schemas := internal.Schemas()
	own := &schemas[len(schemas)-1]
	files, err := fs.Glob(own.Migrations, "*.sql")
	require.NoError(t, err)
	kept := make(fstest.MapFS)
	for _, name := range files {
		text, err := fs.ReadFile(own.Migrations, name)
		require.NoError(t, err)
		if name[:len(last)] <= last {
			kept[name] = &fstest.MapFile{Data: text}
		}
	}
	own.Migrations = kept
	return schemas
}
