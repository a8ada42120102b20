package audittables_test

import (
	"context"
	"database/sql"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
	"orderflow/internal/audit/audittables"
	"orderflow/internal/audit/audittest"
	"orderflow/internal/fence"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

//go:embed testdata/*.sql
var testdata embed.FS

type noteRow struct {
	OrderID string          `json:"orderId"`
	Number  int64           `json:"number"`
	Body    json.RawMessage `json:"body,omitempty"`
	At      time.Time       `json:"at,omitzero"`
}

// ledger is a service of two tables behind HTTP.
type ledger struct {
	t      *testing.T
	db     *sqlstore.DB
	engine http.Handler
}

func eachLedger(t *testing.T, suite func(t *testing.T, l *ledger)) {
	notes := sqlstore.Schema{Name: "notes", Migrations: mustSub(t)}
	sqlstoretest.Each(t, []sqlstore.Schema{fence.Schema(), notes}, func(t *testing.T, db *sqlstore.DB) {
		engine := httpserver.NewEngine(httpserver.Options{Name: "ledger"})
		audittables.Routes(engine, db.Reader(),
			audittables.New(audittables.Source[noteRow]{
				Name:    "note",
				Columns: "order_id, number, body, at",
				Where:   "number > 0",
				Key:     []audittables.KeyColumn{audittables.Text("order_id"), audittables.Integer("number")},
				OfOrder: "order_id = $1",
				Into: func(r *noteRow) []any {
					return []any{&r.OrderID, &r.Number, audittables.JSON(&r.Body), audittables.Micros(&r.At)}
				},
			}),
			audittables.New(audittables.Source[noteRow]{
				Name: "heading", From: "note", Columns: "order_id", Key: []audittables.KeyColumn{audittables.Integer("at"), audittables.Text("order_id"), audittables.Integer("number")},
				Into: func(r *noteRow) []any { return []any{&r.OrderID} },
			}),
			audittables.Fence(),
		)
		suite(t, &ledger{t: t, db: db, engine: engine})
	})
}

func (l *ledger) insert(orderID string, number, at int64, body string) {
	l.t.Helper()
	require.NoError(l.t, l.db.InTx(l.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO note (order_id, number, body, at) VALUES ($1, $2, $3, $4)`, orderID, number, body, at)
		return err
	}))
}

// Call implements rpc.Caller without a network.
func (l *ledger) Call(ctx context.Context, method, path string, _, out any) error {
	recorder := httptest.NewRecorder()
	l.engine.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, method, path, nil))
	if recorder.Code != http.StatusOK {
		var document problem.Document
		if err := json.Unmarshal(recorder.Body.Bytes(), &document); err != nil {
			return err
		}
		return problem.FromDocument(document, 0)
	}
	return json.Unmarshal(recorder.Body.Bytes(), out)
}

func (l *ledger) notes(ctx context.Context, query audit.Query) (audit.Page[noteRow], error) {
	return audit.Rows[noteRow](ctx, l, "note", query)
}

func TestAWalkMeetsEveryRowOnceInTheOrderOfTheKey(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		var want []string
		for i := range 7 {
			for number := range int64(3) {
				id := fmt.Sprintf("order-%d", i)
				l.insert(id, number+1, 0, `{}`)
				want = append(want, fmt.Sprint(id, number+1))
			}
		}
		l.insert("order-3", 0, 0, `{"hidden": true}`)
		var got []string
		for _, row := range audittest.Walk(t, l.notes, "") {
			got = append(got, fmt.Sprint(row.OrderID, row.Number))
		}
		assert.Equal(t, want, got)

		var third []int64
		for _, row := range audittest.Walk(t, l.notes, "order-3") {
			assert.Equal(t, "order-3", row.OrderID)
			third = append(third, row.Number)
		}
		assert.Equal(t, []int64{1, 2, 3}, third)
		assert.Empty(t, audittest.Walk(t, l.notes, "order-9"))
	})
}

// What is written between two pages neither hides nor repeats a row.
func TestRowsThatComeMeanwhileDoNotShiftThePages(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		for number := range int64(20) {
			l.insert("order-b", number+1, 0, `{}`)
		}
		seen := map[int64]int{}
		query := audit.Query{Limit: 3}
		for step := int64(1); ; step++ {
			page, err := l.notes(t.Context(), query)
			require.NoError(t, err)
			for _, row := range page.Items {
				if row.OrderID == "order-b" {
					seen[row.Number]++
				}
			}
			l.insert("order-a", step, 0, `{}`)
			if page.Next == "" {
				break
			}
			query.After = page.Next
		}
		assert.Len(t, seen, 20)
		for number, times := range seen {
			assert.Equal(t, 1, times, "row %d", number)
		}
	})
}

func TestAPageOfLargeRowsIsShort(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		large := `"` + strings.Repeat("x", 300<<10) + `"`
		for number := range int64(10) {
			l.insert("order-a", number+1, 0, large)
		}
		page, err := l.notes(t.Context(), audit.Query{Limit: 10})
		require.NoError(t, err)
		assert.Len(t, page.Items, 4)
		assert.NotEmpty(t, page.Next)
		assert.Len(t, audittest.Walk(t, l.notes, ""), 10)
	})
}

func TestColumnsAreShownAsTheyAreStored(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		at := time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)
		l.insert("order-a", 1, at.UnixMicro(), `{"a": 1}`)
		l.insert("order-a", 2, 0, `{"cut`)
		l.insert("order-a", 3, 0, ``)
		rows := audittest.Walk(t, l.notes, "")
		require.Len(t, rows, 3)
		assert.Equal(t, at, rows[0].At)
		assert.JSONEq(t, `{"a": 1}`, string(rows[0].Body))
		assert.True(t, rows[1].At.IsZero())
		assert.JSONEq(t, `"{\"cut"`, string(rows[1].Body), "what is no JSON comes as text")
		assert.Empty(t, rows[2].Body)
	})
}

func TestFenceRowsTellATombstoneFromAnEffect(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		done := fence.Key{OrderID: "order-a", Step: "Charge", Revision: 1}
		tombstone := fence.Key{OrderID: "order-b", Step: "Charge", Revision: 2}
		require.NoError(t, l.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := fence.Act(ctx, tx, done, "body", now, func() (map[string]int, error) { return map[string]int{"paid": 1}, nil })
			if err != nil {
				return err
			}
			_, err = fence.Compensate(ctx, tx, tombstone, now.Add(time.Second))
			return err
		}))
		rows := audittest.Walk(t, func(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
			return audit.Rows[audit.FenceRow](ctx, l, audit.FenceTable, query)
		}, "")
		require.Len(t, rows, 2)
		assert.Len(t, rows[0].BodyHash, 64)
		rows[0].BodyHash = ""
		assert.JSONEq(t, `{"orderId":"order-a","step":"Charge","revision":1,"state":"confirmed","answer":{"paid":1},
			"triedAt":"2026-11-23T12:00:00Z","confirmedAt":"2026-11-23T12:00:00Z"}`, marshal(t, rows[0]))
		assert.JSONEq(t, `{"orderId":"order-b","step":"Charge","revision":2,"state":"compensated",
			"compensatedAt":"2026-11-23T12:00:01Z"}`, marshal(t, rows[1]))
	})
}

func TestTheTablesAreListed(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		tables, err := audit.NewReader(l).Tables(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []audit.Table{{Name: "note", ByOrder: true}, {Name: "heading"}, {Name: "fence", ByOrder: true}}, tables.Items)
	})
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	eachLedger(t, func(t *testing.T, l *ledger) {
		l.insert("order-a", 1, 0, `{}`)
		l.insert("order-a", 2, 0, `{}`)
		page, err := l.notes(t.Context(), audit.Query{Limit: 1})
		require.NoError(t, err)
		encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		for name, test := range map[string]struct {
			path string
			code problem.Code
		}{
			"unknown table":             {"/v1/audit/notes", problem.NotFound},
			"SQL for a table":           {"/v1/audit/note%20WHERE%201=1", problem.NotFound},
			"limit 0":                   {"/v1/audit/note?limit=0", problem.Malformed},
			"limit -1":                  {"/v1/audit/note?limit=-1", problem.Malformed},
			"limit 1001":                {"/v1/audit/note?limit=1001", problem.Malformed},
			"limit 1.5":                 {"/v1/audit/note?limit=1.5", problem.Malformed},
			"limit twice":               {"/v1/audit/note?limit=1&limit=2", problem.Malformed},
			"misspelt parameter":        {"/v1/audit/note?afte=x", problem.Malformed},
			"broken escape":             {"/v1/audit/note?after=%zz", problem.Malformed},
			"cursor in no base64":       {"/v1/audit/note?after=!", problem.Malformed},
			"cursor that is no JSON":    {"/v1/audit/note?after=" + encode(`note`), problem.Malformed},
			"cursor of another table":   {"/v1/audit/heading?after=" + url.QueryEscape(page.Next), problem.Malformed},
			"cursor that is too short":  {"/v1/audit/note?after=" + encode(`["note","order-a"]`), problem.Malformed},
			"cursor with another type":  {"/v1/audit/note?after=" + encode(`["note","order-a","1"]`), problem.Malformed},
			"cursor with null":          {"/v1/audit/note?after=" + encode(`["note","order-a",null]`), problem.Malformed},
			"cursor with 2^63":          {"/v1/audit/note?after=" + encode(`["note","order-a",9223372036854775808]`), problem.Malformed},
			"an order where is none":    {"/v1/audit/heading?order=order-a", problem.Malformed},
			"an order that is SQL text": {"/v1/audit/heading?order=" + url.QueryEscape("' OR 1=1"), problem.Malformed},
		} {
			assert.Equal(t, test.code, problem.CodeOf(l.Call(t.Context(), http.MethodGet, test.path, nil, new(any))), name)
		}
		assert.Empty(t, audittest.Walk(t, l.notes, "' OR 1=1 --"))
	})
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func mustSub(t *testing.T) fs.FS {
	t.Helper()
	root, err := fs.Sub(testdata, "testdata")
	require.NoError(t, err)
	return root
}
