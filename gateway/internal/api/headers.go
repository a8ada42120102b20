package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"orderflow/internal/problem"
)

const (
	maxKey  = 255
	maxWait = 30 * time.Second
)

// idempotencyKey reads the header Idempotency-Key: 1 to 255 printable ASCII
// characters.
func idempotencyKey(header http.Header) (key string, given bool, err error) {
	values := header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", false, nil
	}
	if len(values) > 1 || !isKey(values[0]) {
		return "", false, problem.Newf(problem.Malformed,
			"the Idempotency-Key must be one value of 1 to %d printable ASCII characters", maxKey)
	}
	return values[0], true, nil
}

func isKey(text string) bool {
	printable := func(r rune) bool { return r >= ' ' && r <= '~' }
	return text != "" && len(text) <= maxKey && !strings.ContainsFunc(text, func(r rune) bool { return !printable(r) })
}

// preferredWait reads the preference wait (RFC 7240, section 4.3), at most 30
// seconds. A preference is a wish: one that cannot be understood is ignored, as
// the RFC demands, and so is every one but the first.
func preferredWait(header http.Header) (wait time.Duration, asked bool) {
	for _, value := range header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			// Parameters of a preference come after a semicolon.
			preference, _, _ = strings.Cut(preference, ";")
			name, text, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			text = strings.Trim(strings.TrimSpace(text), `"`)
			if text == "" || strings.Trim(text, "0123456789") != "" {
				return 0, false
			}
			seconds, err := strconv.ParseInt(text, 10, 32)
			if err != nil {
				// Digits only, so that it can only be too large.
				return maxWait, true
			}
			return min(time.Duration(seconds)*time.Second, maxWait), true
		}
	}
	return 0, false
}
