package audittables

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Micros reads a column of microseconds since 1970 into a time in UTC; 0, which
// the stores write for "never", into the zero time.
func Micros(into *time.Time) sql.Scanner { return &micros{into} }

type micros struct{ into *time.Time }

// Scan implements sql.Scanner.
func (m *micros) Scan(source any) error {
	value, ok := source.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", source)
	}
	*m.into = time.Time{}
	if value != 0 {
		*m.into = time.UnixMicro(value).UTC()
	}
	return nil
}

// JSON reads a column of JSON text. Text that is none becomes a JSON string,
// so that a corrupt row can be audited as it is; empty text becomes nil.
func JSON(into *json.RawMessage) sql.Scanner { return &jsonText{into} }

type jsonText struct{ into *json.RawMessage }

// Scan implements sql.Scanner.
func (j *jsonText) Scan(source any) error {
	var text sql.NullString
	if err := text.Scan(source); err != nil {
		return err
	}
	switch {
	case text.String == "":
		*j.into = nil
	case json.Valid([]byte(text.String)):
		*j.into = json.RawMessage(text.String)
	default:
		quoted, err := json.Marshal(text.String)
		*j.into = quoted
		return err
	}
	return nil
}
