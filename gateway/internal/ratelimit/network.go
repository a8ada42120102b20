package ratelimit

import "net/netip"

// network is what one sender has for themselves: an IPv4 address, or a /64 of
// IPv6 (RFC 6177). It is "" without an address, which all who have none share.
func network(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(64)
	if err != nil {
		return address.String()
	}
	return prefix.String()
}
