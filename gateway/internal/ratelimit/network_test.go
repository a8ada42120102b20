package ratelimit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/clientaddress"
)

func TestOneSenderHasOneNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.9":         "203.0.113.9",
		"::ffff:203.0.113.9":  "203.0.113.9",
		"2001:db8:1:2:3::4":   "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
		"fe80::1%eth0":        "fe80::/64",
	} {
		assert.Equal(t, want, network(netip.MustParseAddr(address)), address)
	}
	assert.Empty(t, network(netip.Addr{}))
}

// Strangers are told apart by what a trusted proxy says, and by nothing that
// they say themselves.
func TestStrangersAreCountedByTheAddressThatATrustedProxyNames(t *testing.T) {
	proxies, err := clientaddress.ParseProxies([]string{"10.0.0.0/8"}, "")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		proxies clientaddress.Proxies
		from    string
		senders []string // X-Forwarded-For
		allowed int
	}{
		"each behind a trusted proxy":    {proxies, "10.0.0.7:1", []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}, 3},
		"one of them, with made-up ones": {proxies, "10.0.0.7:1", []string{"192.0.2.1, 203.0.113.1", "192.0.2.2, 203.0.113.1", "192.0.2.3, 203.0.113.1"}, 1},
		"one /64 behind a trusted proxy": {proxies, "10.0.0.7:1", []string{"2001:db8:1:2::3", "2001:db8:1:2::4", "2001:db8:1:2:5::"}, 1},
		"a stranger who names others":    {proxies, "203.0.113.9:1", []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, 1},
		"a proxy that nobody trusts":     {clientaddress.Proxies{}, "10.0.0.7:1", []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := New(Config{Rate: 1, Burst: 1, Proxies: test.proxies}, newClock().now)
			require.NoError(t, err)
			allowed := 0
			for _, sender := range test.senders {
				c, _ := gin.CreateTestContext(httptest.NewRecorder())
				c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/products", nil)
				c.Request.RemoteAddr = test.from
				c.Request.Header.Set("X-Forwarded-For", sender)
				if l.Refused(c) == nil {
					allowed++
				}
			}
			assert.Equal(t, test.allowed, allowed)
		})
	}
}
