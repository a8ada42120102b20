package clientaddress

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// proxied is a request over a connection from an address, with the values of a
// header field.
func proxied(t require.TestingT, from string, field Header, values ...string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	require.NoError(t, err)
	r.RemoteAddr = from
	r.Header[http.CanonicalHeaderKey(string(field))] = values
	return r
}

func TestTheLastAddressThatNoTrustedProxyHasIsTheClients(t *testing.T) {
	const proxy = "10.0.0.7:51000"
	for name, test := range map[string]struct {
		from   string
		values []string
		want   string
	}{
		"a stranger's word":             {"198.51.100.9:40000", []string{"192.0.2.1"}, "198.51.100.9"},
		"a stranger who is a proxy":     {"198.51.100.9:40000", []string{"192.0.2.1, 10.0.0.1"}, "198.51.100.9"},
		"one proxy":                     {proxy, []string{"203.0.113.5"}, "203.0.113.5"},
		"one proxy, and a made-up one":  {proxy, []string{"192.0.2.1, 203.0.113.5"}, "203.0.113.5"},
		"made up in a line of its own":  {proxy, []string{"192.0.2.1", "203.0.113.5"}, "203.0.113.5"},
		"a made-up proxy":               {proxy, []string{"192.0.2.1, 10.0.0.1, 203.0.113.5"}, "203.0.113.5"},
		"two proxies":                   {proxy, []string{"192.0.2.1, 203.0.113.5, 10.0.0.8"}, "203.0.113.5"},
		"two proxies of both families":  {proxy, []string{"203.0.113.5, 2001:db8:ffff::1"}, "203.0.113.5"},
		"proxies only":                  {proxy, []string{"10.0.0.9, 10.0.0.8"}, "10.0.0.9"},
		"a proxy that says nothing":     {proxy, nil, "10.0.0.7"},
		"a proxy that says unknown":     {proxy, []string{"203.0.113.5, unknown"}, "10.0.0.7"},
		"an empty element":              {proxy, []string{"203.0.113.5,"}, "10.0.0.7"},
		"nonsense behind a proxy":       {proxy, []string{"nonsense, 10.0.0.8"}, "10.0.0.8"},
		"a port":                        {proxy, []string{"203.0.113.5:1234"}, "203.0.113.5"},
		"IPv6":                          {proxy, []string{"2001:db8::5"}, "2001:db8::5"},
		"IPv6 with a port":              {proxy, []string{"[2001:db8::5]:1234"}, "2001:db8::5"},
		"IPv4 as IPv6":                  {"[::ffff:10.0.0.7]:1", []string{"::ffff:203.0.113.5"}, "203.0.113.5"},
		"a proxy with an IPv6 address":  {"[2001:db8:ffff::2]:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"the one proxy without network": {"192.0.2.200:1", []string{"203.0.113.5"}, "203.0.113.5"},
		"its neighbour":                 {"192.0.2.201:1", []string{"203.0.113.5"}, "192.0.2.201"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParseProxies([]string{"10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.200"}, "")
			require.NoError(t, err)
			assert.Equal(t, test.want, p.Of(proxied(t, test.from, XForwardedFor, test.values...)).String())

			var elements []string
			for _, value := range test.values {
				for element := range strings.SplitSeq(value, ",") {
					elements = append(elements, `proto=https;For="`+strings.TrimSpace(element)+`"`)
				}
			}
			p, err = ParseProxies([]string{"10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.200"}, Forwarded)
			require.NoError(t, err)
			assert.Equal(t, test.want, p.Of(proxied(t, test.from, Forwarded, strings.Join(elements, ", "))).String(), "Forwarded")
		})
	}
}

// What the configured proxies do not write is the client's own.
func TestOnlyOneHeaderIsBelieved(t *testing.T) {
	for header, other := range map[Header]Header{XForwardedFor: Forwarded, Forwarded: XForwardedFor} {
		p, err := ParseProxies([]string{"10.0.0.0/8"}, header)
		require.NoError(t, err)
		for _, value := range []string{"203.0.113.5", "for=203.0.113.5"} {
			assert.Equal(t, "10.0.0.7", p.Of(proxied(t, "10.0.0.7:1", other, value)).String())
		}
		assert.Equal(t, "10.0.0.7", p.Of(proxied(t, "10.0.0.7:1", "X-Real-Ip", "203.0.113.5")).String())
	}
}

func TestAnElementWithTwoClientsHasNone(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8"}, Forwarded)
	require.NoError(t, err)
	for _, value := range []string{
		"for=192.0.2.1;for=203.0.113.5", "by=203.0.113.5", `for="_hidden"`, `by=" for=203.0.113.5"`, "for=203.0.113.5,",
		`for="203.0.113.5`, `for="203.0.113.5\"`, `for=203.0.113.5;host=\"shop"`, `for="203.0.113.5"shop`, "203.0.113.5",
	} {
		assert.Equal(t, "10.0.0.7", p.Of(proxied(t, "10.0.0.7:1", Forwarded, value)).String(), value)
	}
}

func TestWithoutProxiesTheConnectionCounts(t *testing.T) {
	var nobody Proxies
	assert.Equal(t, "127.0.0.1", nobody.Of(proxied(t, "127.0.0.1:1", XForwardedFor, "203.0.113.5")).String())
	assert.False(t, nobody.Of(proxied(t, "", XForwardedFor, "203.0.113.5")).IsValid())
}

// Whatever a client writes in front, what the trusted proxies have added counts.
func TestNothingThatAClientWritesChangesItsAddress(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8"}, "")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.SliceOf(rapid.OneOf(
			rapid.String(), rapid.SampledFrom([]string{"10.0.0.1", "192.0.2.1", "unknown", "", "for=192.0.2.1"}),
		)).Draw(t, "written")
		proxies := rapid.SliceOf(rapid.SampledFrom([]string{"10.1.1.1", "10.2.2.2"})).Draw(t, "proxies")
		values := slices.Concat(written, []string{strings.Join(slices.Concat([]string{"203.0.113.5"}, proxies), ", ")})
		assert.Equal(t, netip.MustParseAddr("203.0.113.5"), p.Of(proxied(t, "10.0.0.7:1", XForwardedFor, values...)))
	})
}

// A proxy may note the host, which the client has chosen, and add its element to
// a line of the client's.
func TestNothingInAForwardedHeaderMakesAnotherAddress(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.0/8"}, Forwarded)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.StringOf(rapid.SampledFrom([]rune(`a=",;\ `))).Draw(t, "before") +
			rapid.SampledFrom([]string{"for=192.0.2.1", `for="192.0.2.1"`, ""}).Draw(t, "made up") +
			rapid.StringOf(rapid.SampledFrom([]rune(`a=",;\ `))).Draw(t, "behind")
		quoted := `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(chosen) + `"`
		element := rapid.SampledFrom([]string{
			"for=203.0.113.5;host=" + quoted, "host=" + quoted + `; for="203.0.113.5"`, "for=203.0.113.5;host=" + quoted + `;proto="https"`,
		}).Draw(t, "element")
		of := func(values ...string) string { return p.Of(proxied(t, "10.0.0.7:1", Forwarded, values...)).String() }
		assert.Equal(t, "203.0.113.5", of(element))
		assert.Equal(t, "203.0.113.5", of(chosen, element), "in a line of its own")
		assert.Contains(t, []string{"203.0.113.5", "10.0.0.7"}, of(chosen+", "+element), "behind the client's")
	})
}

func TestWhatIsNoNetworkIsRefused(t *testing.T) {
	for _, text := range []string{"", "proxy", "10.0.0.0/33", "10.0.0.7/8", "0.0.0.0/0", "::/0", "10.0.0.1:80", "::ffff:10.0.0.0/104", "fe80::1%eth0/64"} {
		_, err := ParseProxies([]string{"192.0.2.1", text}, "")
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), `"`+text+`"`)
	}
}
