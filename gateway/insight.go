package main

import (
	"net/http"
	"net/netip"
	"slices"
)

// insight says who sees metrics and the reasons of readiness at the public
// address; nil is everybody. A connection from this machine is somebody's who is
// logged in here, unless it may be a proxy's, which speaks for strangers.
func (s *settings) insight() func(*http.Request) bool {
	switch {
	case s.PublicInsight:
		return nil
	case s.TLS.InFront || len(s.TrustedProxies) > 0:
		return func(*http.Request) bool { return false }
	default:
		return fromThisMachine
	}
}

// proxied are the header fields by which a proxy can be known that nobody has
// told us of.
var proxied = []string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"}

func fromThisMachine(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() &&
		!slices.ContainsFunc(proxied, func(field string) bool { return len(r.Header[field]) > 0 })
}
