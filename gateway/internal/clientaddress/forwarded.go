package clientaddress

import (
	"regexp"
	"strings"
)

// forwardedPair matches a parameter of Forwarded, or none, up to the comma,
// semicolon or end behind it: its name, its value (quoted or not), and what ends
// it. Unquoted values may have the characters of an address, which the standard
// wants quoted. A backslash or a quote elsewhere matches nothing.
var forwardedPair = regexp.MustCompile("^[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^\"\\\\,; \t]*)))?[ \t]*([,;]|$)")

// forwardedNodes returns the parameter "for" of each element in a line of
// Forwarded (RFC 7239, section 4), "" for an element with none or several.
//
// A proxy may write what the client has chosen into quotes, such as its host:
// what looks like an element there is none. A line that is not of the grammar is
// one element of nobody, because a quote that a client has left open would turn
// inside out what the proxies have added.
func forwardedNodes(line string) (nodes []string) {
	node, found := "", 0
	for {
		pair := forwardedPair.FindStringSubmatch(line)
		if pair == nil {
			return []string{""}
		}
		line = line[len(pair[0]):]
		if strings.EqualFold(pair[1], "for") {
			node = pair[2] + pair[3]
			found++
		}
		if pair[4] == ";" {
			continue
		}
		if found != 1 {
			node = ""
		}
		nodes = append(nodes, node)
		node, found = "", 0
		if pair[4] == "" {
			return nodes
		}
	}
}
