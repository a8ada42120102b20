package edge

import "net/http"

// strictTransport makes a browser that has come by HTTPS once come by HTTPS for
// a year (RFC 6797). Other hosts of the domain are not this process's to
// decide about.
const strictTransport = "max-age=31536000"

// Headers gives every answer the headers that make browsers do nothing with it
// that nobody asked for: guess at its type, keep it, frame it, run it, or tell
// other sites where the reader came from. A handler that knows better, such as
// one that serves a page, sets its own.
//
// With transport, answers over TLS also demand TLS for the future. It is off
// for a development certificate: for localhost it would bind every other
// program of the machine as well.
func Headers(next http.Handler, transport bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if transport && r.TLS != nil {
			header.Set("Strict-Transport-Security", strictTransport)
		}
		next.ServeHTTP(w, r)
	})
}
