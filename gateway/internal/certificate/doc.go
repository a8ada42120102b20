// Package certificate makes the TLS configuration of the public port: whose
// certificate is shown, and which clients must show one.
//
// The certificate comes from one of three [Source]s: files that somebody else
// renews ([Files]), a certificate authority that is asked by the ACME protocol
// ([ACME]), or a self-signed one for a developer's own machine ([Development]).
// [Open] brings a source to a configuration, and [Server.Watch] follows changes
// of the files without a restart.
//
// A client's certificate says which machine is connected, and opens no door:
// what a request may do is decided by its token (gateway/internal/auth).
package certificate
