package supervisor

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// unsaid are fields of a log line that its reader on a terminal knows, or finds
// in the log file.
var unsaid = []string{
	"level", "msg", "time", "ts", "caller", "stacktrace", "errorVerbose",
	"component", "instanceId", "version",
}

// render is a line for a terminal: a JSON log line becomes "LEVEL message
// key=value ..."; any other line stays as it is.
func render(line []byte) []byte {
	if !bytes.HasPrefix(line, []byte("{")) {
		return line
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(line, &fields) != nil {
		return line
	}
	level, message := plain(fields["level"]), plain(fields["msg"])
	if level == "" || message == "" {
		return line
	}
	for _, name := range unsaid {
		delete(fields, name)
	}
	var text strings.Builder
	text.WriteString(strings.ToUpper(level) + " " + message)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := plain(fields[name])
		if strings.ContainsAny(value, " \"\n\t") {
			value = strconv.Quote(value)
		}
		text.WriteString(" " + name + "=" + value)
	}
	return []byte(text.String())
}

// plain is a JSON string without its quotes, and any other value as it stands.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
