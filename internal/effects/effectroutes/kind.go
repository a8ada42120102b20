package effectroutes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"orderflow/internal/effects"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
)

// Kind says where the effects of one kind are read. There must be an index
// over Since and the columns of the key, in this order, of the rows that Where
// leaves: it makes every page one short walk.
type Kind struct {
	// Name is the kind's part of the route.
	Name string
	// From is the table. Several rows of one effect must agree on Since.
	From string
	// Where is the condition of the rows that stand.
	Where string
	// Since is the column of microseconds.
	Since string
	// WholeOrder says that the rows have an order, and neither step nor
	// revision.
	WholeOrder bool
}

// OpenFences are those of internal/fence, whose table is the same in every
// service.
func OpenFences() Kind {
	return Kind{Name: effects.OpenFences, From: "fence", Where: "state = 'tried'", Since: "tried_at"}
}

func (k Kind) page(ctx context.Context, db sqlstore.Queryer, query effects.Query) (page effects.Page, err error) {
	text, args, err := k.Statement(query)
	if err != nil {
		return page, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("listing %s: %w", k.Name, err)
		}
	}()
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return page, err
	}
	defer func() { _ = rows.Close() }()
	page.Items = []effects.Effect{}
	for rows.Next() {
		var effect effects.Effect
		var since int64
		if err := rows.Scan(append([]any{&since}, k.columns(&effect)...)...); err != nil {
			return page, err
		}
		effect.Since = time.UnixMicro(since).UTC()
		if len(page.Items) == query.Limit {
			page.Next, err = Cursor(page.Items[len(page.Items)-1])
			return page, err
		}
		page.Items = append(page.Items, effect)
	}
	return page, rows.Err()
}

// Statement is what a page is read with: a test of the kind looks at its plan.
// It selects one effect more than the page has, which tells whether there is
// another page. The error is problem.Malformed, for the cursor.
func (k Kind) Statement(query effects.Query) (text string, args []any, err error) {
	key := "order_id, step, revision"
	if k.WholeOrder {
		key = "order_id"
	}
	order := k.Since + ", " + key
	args = []any{query.Before.UnixMicro()}
	from := k.Since + " >= $2"
	if query.After == "" {
		args = append(args, microsOf(query.Since))
	} else {
		last, err := decodeCursor(query.After)
		if err != nil {
			return "", nil, err
		}
		from = "(" + order + ") > ($2" + placeholders(3, len(k.columns(&last))) + ")"
		args = append(args, last.Since.UnixMicro(), last.OrderID)
		if !k.WholeOrder {
			args = append(args, last.Step, last.Revision)
		}
	}
	args = append(args, query.Limit+1)
	return fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE %s AND %s < $1 AND %s ORDER BY %s LIMIT $%d",
		order, k.From, k.Where, k.Since, from, order, len(args)), args, nil
}

// columns are where those of the key go.
func (k Kind) columns(effect *effects.Effect) []any {
	if k.WholeOrder {
		return []any{&effect.OrderID}
	}
	return []any{&effect.OrderID, &effect.Step, &effect.Revision}
}

// placeholders returns ",$3,$4" for two from the third on.
func placeholders(first, count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, ",$%d", first+i)
	}
	return text.String()
}

// microsOf is 0 for the zero time: no effect is older.
func microsOf(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// Cursor names the effect after which the next page begins.
func Cursor(last effects.Effect) (string, error) {
	text, err := json.Marshal(last)
	if err != nil {
		return "", fmt.Errorf("encoding the cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// decodeCursor reads a cursor. Its error is problem.Malformed.
func decodeCursor(cursor string) (last effects.Effect, err error) {
	refused := problem.New(problem.Malformed, "the cursor is none of this list")
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return last, refused.WithCause(err)
	}
	if err := json.Unmarshal(text, &last); err != nil {
		return last, refused.WithCause(err)
	}
	return last, nil
}
