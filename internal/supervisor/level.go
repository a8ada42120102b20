package supervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Level is how serious a line of output is.
type Level int

// The levels. A line is Text when it carries none: a banner, or a panic's trace.
const (
	Text Level = iota
	Debug
	Info
	Warn
	Error
)

// UnmarshalText reads "all", "warn" or "error": the least level to show.
func (l *Level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "all":
		*l = Text
	case "warn":
		*l = Warn
	case "error":
		*l = Error
	default:
		return fmt.Errorf("%q is none of all, warn, error", text)
	}
	return nil
}

// levelText finds the level in the text forms that our children print:
// level=WARN of Go's slog (Temporal), [WARN] of hclog (Consul), and WARN
// between tabs of zap's console form. It stands near the start, so that a
// message that quotes a level is not mistaken.
var levelText = regexp.MustCompile(
	`(?i)^[^"=\[\t]{0,64}(?:time=\S+ )?(?:level=|\[|\t)(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|ERR|DPANIC|PANIC|FATAL)\b`)

// levelOf reads the level of a line.
func levelOf(line []byte) Level {
	if bytes.HasPrefix(line, []byte("{")) {
		var fields struct {
			Level string `json:"level"`
		}
		if json.Unmarshal(line, &fields) == nil {
			return levelNamed(fields.Level)
		}
		return Text
	}
	if match := levelText.FindSubmatch(line); match != nil {
		return levelNamed(string(match[1]))
	}
	return Text
}

func levelNamed(name string) Level {
	switch strings.ToLower(name) {
	case "trace", "debug":
		return Debug
	case "info":
		return Info
	case "warn", "warning":
		return Warn
	case "error", "err", "dpanic", "panic", "fatal":
		return Error
	default:
		return Text
	}
}
