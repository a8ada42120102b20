package httpserver

import "net/http"

// ClientCertificate returns the subject of the certificate that the client has
// proved to have, and that was verified against the server's client CAs; ""
// without one. It says which machine is connected. What a request may do is
// another question, which its token answers.
func ClientCertificate(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return ""
	}
	return r.TLS.PeerCertificates[0].Subject.String()
}
