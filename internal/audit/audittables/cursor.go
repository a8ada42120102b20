package audittables

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"orderflow/internal/problem"
)

// keyValue is the value of one key column.
type keyValue struct {
	integer bool
	text    string
	number  int64
}

// rowKey is the key of one row.
type rowKey []keyValue

func (s Source[Row]) newKey() rowKey {
	key := make(rowKey, len(s.Key))
	for i, column := range s.Key {
		key[i].integer = column.integer
	}
	return key
}

func (v *keyValue) destination() any {
	if v.integer {
		return &v.number
	}
	return &v.text
}

func (v *keyValue) value() any {
	if v.integer {
		return v.number
	}
	return v.text
}

func (k rowKey) destinations() []any {
	all := make([]any, len(k))
	for i := range k {
		all[i] = k[i].destination()
	}
	return all
}

// encodeCursor names the row after which the next page begins. The table is
// part of it, so that a cursor of another table is refused.
func encodeCursor(table string, key rowKey) (string, error) {
	parts := []any{table}
	for i := range key {
		parts = append(parts, key[i].value())
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return "", fmt.Errorf("encoding the cursor: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// decodeCursor reads a cursor into key. Its error is problem.Malformed.
func decodeCursor(cursor, table string, key rowKey) error {
	refused := problem.Newf(problem.Malformed, "the cursor is none of table %s", table)
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return refused.WithCause(err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != len(key)+1 {
		return refused.WithCause(err)
	}
	var named string
	if err := json.Unmarshal(parts[0], &named); err != nil || named != table {
		return refused.WithCause(err)
	}
	for i := range key {
		null := bytes.Equal(parts[i+1], []byte("null"))
		if err := json.Unmarshal(parts[i+1], key[i].destination()); err != nil || null {
			return refused.WithCause(err)
		}
	}
	return nil
}
