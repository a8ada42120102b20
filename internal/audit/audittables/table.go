// Package audittables serves the raw rows of a service's tables as package
// audit describes them. A service says for each table which columns an
// auditor may see and which key orders the rows; paging, cursors and routes
// are here, once for all services.
//
// It only reads, and only through the pool for reads.
package audittables

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"orderflow/internal/audit"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
)

// pageBytes bounds a page of large rows: it ends with the row that exceeds it.
const pageBytes = 1 << 20

// Table is a table that can be audited. Make it with New.
type Table struct {
	audit.Table
	page func(ctx context.Context, db sqlstore.Queryer, query audit.Query) (audit.Page[json.RawMessage], error)
}

// Source says how the rows of one table are read.
type Source[Row any] struct {
	// Name is the table's name, in the database and in the route.
	Name string
	// From is the FROM clause; "" is the table alone.
	From string
	// Where restricts the rows to those that there are for an auditor; "" is
	// all of them.
	Where string
	// Columns are what is read, in the order of Into.
	Columns string
	// Key orders the rows. It is unique, never changes, and has an index.
	Key []KeyColumn
	// OfOrder is the condition for the rows of the order $1; "" where rows
	// belong to no order.
	OfOrder string
	// Into returns where the columns of a row go; see Micros and JSON.
	Into func(row *Row) []any
}

// KeyColumn is one column of a key. It is text or an integer, never NULL.
type KeyColumn struct {
	name    string
	integer bool
}

// Text is a key column of type TEXT.
func Text(name string) KeyColumn { return KeyColumn{name: name} }

// Integer is a key column of type BIGINT.
func Integer(name string) KeyColumn { return KeyColumn{name: name, integer: true} }

// New returns the table whose rows the source describes.
func New[Row any](s Source[Row]) Table {
	if s.From == "" {
		s.From = s.Name
	}
	return Table{Table: audit.Table{Name: s.Name, ByOrder: s.OfOrder != ""}, page: s.page}
}

func (s Source[Row]) page(ctx context.Context, db sqlstore.Queryer, query audit.Query) (page audit.Page[json.RawMessage], err error) {
	text, args, err := s.statement(query)
	if err != nil {
		return page, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("auditing %s: %w", s.Name, err)
		}
	}()
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return page, err
	}
	defer func() { _ = rows.Close() }()
	page = audit.Page[json.RawMessage]{Table: s.Name, Items: []json.RawMessage{}}
	last, size := s.newKey(), 0
	for rows.Next() {
		if len(page.Items) == query.Limit || size > pageBytes {
			page.Next, err = encodeCursor(s.Name, last)
			return page, err
		}
		var row Row
		if err := rows.Scan(append(last.destinations(), s.Into(&row)...)...); err != nil {
			return page, err
		}
		encoded, err := json.Marshal(row)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, encoded)
		size += len(encoded)
	}
	return page, rows.Err()
}

// statement selects one row more than the page has, which tells whether there
// is another page.
func (s Source[Row]) statement(query audit.Query) (text string, args []any, err error) {
	names := make([]string, len(s.Key))
	for i, column := range s.Key {
		names[i] = column.name
	}
	key := strings.Join(names, ", ")
	var conditions []string
	if query.OrderID != "" {
		if s.OfOrder == "" {
			return "", nil, problem.Newf(problem.Malformed, "the rows of %s belong to no order", s.Name)
		}
		args = append(args, query.OrderID) // $1 of OfOrder
		conditions = append(conditions, "("+s.OfOrder+")")
	}
	if s.Where != "" {
		conditions = append(conditions, "("+s.Where+")")
	}
	if query.After != "" {
		after := s.newKey()
		if err := decodeCursor(query.After, s.Name, after); err != nil {
			return "", nil, err
		}
		placeholders := make([]string, len(after))
		for i := range after {
			args = append(args, after[i].value())
			placeholders[i] = fmt.Sprintf("$%d", len(args))
		}
		conditions = append(conditions, "("+key+") > ("+strings.Join(placeholders, ", ")+")")
	}
	if len(conditions) == 0 {
		conditions = []string{"1 = 1"}
	}
	args = append(args, query.Limit+1)
	return fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s ORDER BY %s LIMIT $%d",
		key, s.Columns, s.From, strings.Join(conditions, " AND "), key, len(args)), args, nil
}
