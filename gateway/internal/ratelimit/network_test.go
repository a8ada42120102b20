package ratelimit

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneSenderHasOneNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9":         "203.0.113.9",
		"::ffff:203.0.113.9":  "203.0.113.9",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
		"fe80::1%eth0":        "fe80::/64",
		"":                    "",
		"nonsense":            "",
	} {
		assert.Equal(t, want, network(address), address)
	}
}
