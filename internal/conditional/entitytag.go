package conditional

import (
	"strconv"
	"strings"
)

// ETag returns the strong entity tag of a version (RFC 9110, section 8.8.3):
// the decimal number in quotes. It is strong because every change of a row,
// and nothing else, makes a new version.
func ETag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// entityTag is [ W/ ] DQUOTE *etagc DQUOTE.
type entityTag struct {
	weak   bool
	opaque string
}

// version returns the version whose tag this is, weak or strong, or noVersion:
// the tag is none that ETag returns.
func (t entityTag) version() int64 {
	version, err := strconv.ParseInt(t.opaque, 10, 64)
	if err != nil || strconv.FormatInt(version, 10) != t.opaque {
		return noVersion
	}
	return version
}

// whitespace is OWS of RFC 9110, section 5.6.3.
const whitespace = " \t"

// parseTags reads a list of entity tags. Empty elements are passed over, as
// RFC 9110, section 5.6.1.2, demands.
func parseTags(list string) (tags []entityTag, ok bool) {
	for {
		list = strings.TrimLeft(list, whitespace+",")
		if list == "" {
			return tags, true
		}
		var found entityTag
		if found, list, ok = cutTag(list); !ok {
			return nil, false
		}
		list = strings.TrimLeft(list, whitespace)
		if list != "" && list[0] != ',' {
			return nil, false
		}
		tags = append(tags, found)
	}
}

// cutTag takes the entity tag off the beginning of the text. A tag may hold
// commas, so that the list cannot be split at them.
func cutTag(text string) (found entityTag, rest string, ok bool) {
	text, weak := strings.CutPrefix(text, "W/")
	text, opened := strings.CutPrefix(text, `"`)
	opaque, rest, closed := strings.Cut(text, `"`)
	if !opened || !closed {
		return entityTag{}, "", false
	}
	for i := range len(opaque) {
		// etagc is visible ASCII but the quote, and whatever is above ASCII.
		if c := opaque[i]; c <= ' ' || c == 0x7f {
			return entityTag{}, "", false
		}
	}
	return entityTag{weak: weak, opaque: opaque}, rest, true
}
