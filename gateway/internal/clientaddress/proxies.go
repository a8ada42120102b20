package clientaddress

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Header is the header field in which the proxies note for whom they ask. There
// is one for all of them: who believed two could be told by the client what its
// proxy has left out.
type Header string

// The header fields.
const (
	// XForwardedFor is what nearly every proxy writes.
	XForwardedFor Header = "X-Forwarded-For"
	// Forwarded is the standard one (RFC 7239).
	Forwarded Header = "Forwarded"
)

// Proxies are the networks whose notes about a client's address are believed.
// The zero value believes nobody. It is safe for concurrent use.
type Proxies struct {
	networks []netip.Prefix
	header   Header
}

// ParseProxies reads networks such as 10.0.0.0/8, and single addresses. An empty
// header is XForwardedFor. The error names the text that is neither, or that is
// a network of everybody.
func ParseProxies(networks []string, header Header) (Proxies, error) {
	if header == "" {
		header = XForwardedFor
	}
	p := Proxies{header: header}
	for _, text := range networks {
		network, err := parseNetwork(text)
		if err != nil {
			return Proxies{}, err
		}
		p.networks = append(p.networks, network)
	}
	return p, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	// A zone takes everything behind it, also what looks like a network's size.
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = plain(address)
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil, network.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is no network such as 10.0.0.0/8, and no address", text)
	case network != network.Masked():
		return netip.Prefix{}, fmt.Errorf("%q is no network: the first address of that one is %s", text, network.Masked().Addr())
	case network.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q is everybody: whoever sends a request could name its address", text)
	}
	return network, nil
}

// Of returns the address that the request comes from: of the connection, unless
// that is a trusted proxy's. Then it is the last one in the header that is not
// a trusted proxy's, because each proxy adds behind what it was sent, and only
// trusted ones are believed. What is in front of it may be made up. Where a
// proxy noted something that is no address, it is that proxy's own.
//
// The zero Addr means that the connection has none, which only happens in
// tests.
func (p Proxies) Of(r *http.Request) netip.Addr {
	connection, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := plain(connection.Addr())
	if !p.trusts(client) {
		return client
	}
	notes := p.notes(r.Header)
	for i := len(notes) - 1; i >= 0 && p.trusts(client); i-- {
		noted, ok := parseNode(notes[i])
		if !ok {
			break
		}
		client = noted
	}
	return client
}

func (p Proxies) trusts(address netip.Addr) bool {
	for _, network := range p.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// notes are what the proxies wrote, the last one's at the end. Fields of one
// name are one list (RFC 9110, section 5.3).
func (p Proxies) notes(header http.Header) []string {
	values := header.Values(string(p.header))
	if p.header != Forwarded {
		return strings.Split(strings.Join(values, ","), ",")
	}
	var notes []string
	for _, line := range values {
		notes = append(notes, forwardedNodes(line)...)
	}
	return notes
}

// parseNode reads an address with or without a port. IPv6 may stand in brackets.
func parseNode(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return plain(withPort.Addr()), true
	}
	if bare, bracketed := strings.CutPrefix(text, "["); bracketed {
		text = strings.TrimSuffix(bare, "]")
	}
	address, err := netip.ParseAddr(text)
	return plain(address), err == nil
}

// plain is the address without what says nothing about the sender.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }
