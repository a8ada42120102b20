package effectroutes_test

import (
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis"
	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/effects"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/effects/effectstest"
	"orderflow/internal/faults"
	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// parcels is a table with several rows of one effect.
func parcels() sqlstore.Schema {
	return sqlstore.Schema{Name: "parcel", Migrations: fstest.MapFS{
		"001_parcel.sql": {Data: []byte(`-- +goose Up
CREATE TABLE parcel (order_id TEXT NOT NULL, step TEXT NOT NULL, revision BIGINT NOT NULL, item TEXT NOT NULL, state TEXT NOT NULL, packed_at BIGINT NOT NULL);
CREATE INDEX parcel_packed ON parcel (packed_at, order_id, step, revision) WHERE state = 'packed';
`)},
	}}
}

var packed = effectroutes.Kind{Name: "packed-parcels", From: "parcel", Where: "state = 'packed'", Since: "packed_at"}

var epoch = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func at(second int) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

type shelf struct {
	chassistest.Service
	db *sqlstore.DB
}

func each(t *testing.T, suite func(t *testing.T, s shelf)) {
	sqlstoretest.Each(t, []sqlstore.Schema{fence.Schema(), parcels()}, func(t *testing.T, db *sqlstore.DB) {
		suite(t, shelf{db: db, Service: chassistest.Start(t, "shelf", chassis.Parts{
			Routes: func(r gin.IRouter) { effectroutes.Routes(r, db.Reader(), packed, effectroutes.OpenFences()) },
		}, faults.Spec{})})
	})
}

func (s shelf) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	require.NoError(t, s.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}))
}

func (s shelf) list(kind string) func(context.Context, effects.Query) (effects.Page, error) {
	return func(ctx context.Context, query effects.Query) (effects.Page, error) {
		return effects.List(ctx, s.Caller, kind, query)
	}
}

func (s shelf) pack(t *testing.T, key fence.Key, state string, second int, items ...string) {
	for _, item := range items {
		s.exec(t, `INSERT INTO parcel (order_id, step, revision, item, state, packed_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			key.OrderID, key.Step, key.Revision, item, state, at(second).UnixMicro())
	}
}

func TestTheListHasEachEffectOfItsTimeOnceOldestFirst(t *testing.T) {
	each(t, func(t *testing.T, s shelf) {
		var want []effects.Effect
		random := rand.New(rand.NewPCG(5, 6))
		for _, i := range random.Perm(40) {
			// Many share a moment, an order or a step.
			effect := effects.Effect{
				Key:   fence.Key{OrderID: fmt.Sprintf("order-%d", i%7), Step: fmt.Sprintf("pack%d", i%3), Revision: i},
				Since: at(i / 4),
			}
			s.pack(t, effect.Key, "packed", i/4, "first", "second")
			want = append(want, effect)
		}
		s.pack(t, fence.Key{OrderID: "order-0", Step: "pack", Revision: 1}, "sent", 5, "first")
		slices.SortFunc(want, func(a, b effects.Effect) int {
			if order := a.Since.Compare(b.Since); order != 0 {
				return order
			}
			if a.OrderID != b.OrderID {
				return compare(a.OrderID, b.OrderID)
			}
			if a.Step != b.Step {
				return compare(a.Step, b.Step)
			}
			return a.Revision - b.Revision
		})
		list := s.list(packed.Name)
		assert.Equal(t, want, effectstest.Walk(t, list, time.Time{}, at(100)))
		assert.Equal(t, want[12:20], effectstest.Walk(t, list, at(3), at(5)), "from 3 to before 5")
		assert.Empty(t, effectstest.Walk(t, list, at(5), at(5)))
		assert.Empty(t, effectstest.Walk(t, list, time.Time{}, at(0)))
		assert.Empty(t, effectstest.Walk(t, s.list(effects.OpenFences), time.Time{}, at(100)))
	})
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

// A fence is open from its beginning to its confirmation or compensation.
func TestAFenceIsListedForAsLongAsItIsOpen(t *testing.T) {
	each(t, func(t *testing.T, s shelf) {
		keys := make([]fence.Key, 4)
		for i := range keys {
			keys[i] = fence.Key{OrderID: fmt.Sprintf("order-%d", i), Step: "pack", Revision: 1}
		}
		require.NoError(t, s.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for i, key := range keys[:3] {
				if _, err := fence.Begin(ctx, tx, key, "body", at(i)); err != nil {
					return err
				}
			}
			if err := fence.Confirm(ctx, tx, keys[0], "answer", at(10)); err != nil {
				return err
			}
			if _, err := fence.Compensate(ctx, tx, keys[1], at(11)); err != nil {
				return err
			}
			_, err := fence.Compensate(ctx, tx, keys[3], at(12)) // a tombstone
			return err
		}))
		assert.Equal(t, []effects.Effect{{Key: keys[2], Since: at(2)}},
			effectstest.Walk(t, s.list(effects.OpenFences), time.Time{}, at(100)))
	})
}

// Among many rows, those that stand are found without looking at the others.
func TestAPageIsReadAlongItsIndex(t *testing.T) {
	each(t, func(t *testing.T, s shelf) {
		s.exec(t, `INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
			WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < 50000)
			SELECT 'order-' || n, 'pack', 1, CASE WHEN n % 1000 = 0 THEN 'tried' ELSE 'confirmed' END, '', '', 1772366400000000 + n, n, 0
			FROM serial`)
		effectstest.RequireIndex(t, s.db, effectroutes.OpenFences(), "fence_open")
	})
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s shelf) {
		const before = "before=2026-11-23T10:00:00Z"
		encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		for name, test := range map[string]struct {
			path string
			code problem.Code
		}{
			"unknown kind":             {"/v1/effects/parcels?" + before, problem.NotFound},
			"SQL for a kind":           {"/v1/effects/parcel%20WHERE%201=1?" + before, problem.NotFound},
			"no before":                {"/v1/effects/packed-parcels", problem.Malformed},
			"before that is no time":   {"/v1/effects/packed-parcels?before=now", problem.Malformed},
			"since that is no time":    {"/v1/effects/packed-parcels?since=0&" + before, problem.Malformed},
			"limit 0":                  {"/v1/effects/packed-parcels?limit=0&" + before, problem.Malformed},
			"limit -1":                 {"/v1/effects/packed-parcels?limit=-1&" + before, problem.Malformed},
			"limit 501":                {"/v1/effects/packed-parcels?limit=501&" + before, problem.Malformed},
			"limit 1.5":                {"/v1/effects/packed-parcels?limit=1.5&" + before, problem.Malformed},
			"limit twice":              {"/v1/effects/packed-parcels?limit=1&limit=2&" + before, problem.Malformed},
			"misspelt parameter":       {"/v1/effects/packed-parcels?limt=1&" + before, problem.Malformed},
			"broken escape":            {"/v1/effects/packed-parcels?after=%zz&" + before, problem.Malformed},
			"cursor in no base64":      {"/v1/effects/packed-parcels?after=!&" + before, problem.Malformed},
			"cursor that is no JSON":   {"/v1/effects/packed-parcels?after=" + encode("x") + "&" + before, problem.Malformed},
			"cursor of another type":   {"/v1/effects/packed-parcels?after=" + encode(`{"orderId":1}`) + "&" + before, problem.Malformed},
			"cursor with another time": {"/v1/effects/packed-parcels?after=" + encode(`{"since":"now"}`) + "&" + before, problem.Malformed},
		} {
			assert.Equal(t, test.code, problem.CodeOf(s.Caller.Call(t.Context(), http.MethodGet, test.path, nil, new(any))), name)
		}
		s.pack(t, fence.Key{OrderID: "order-1", Step: "pack", Revision: 1}, "packed", 1, "first")
		inert := "/v1/effects/packed-parcels?after=" + encode(`{"orderId":"' OR 1=1 --","since":"2026-11-24T10:00:00Z"}`) +
			"&before=" + url.QueryEscape(at(1000000).Format(time.RFC3339Nano))
		var page effects.Page
		require.NoError(t, s.Caller.Call(t.Context(), http.MethodGet, inert, nil, &page))
		assert.Empty(t, page.Items)
	})
}
