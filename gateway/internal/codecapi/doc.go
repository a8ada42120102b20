// Package codecapi decrypts and encrypts Temporal's payloads for operators: the
// remote codec that the Temporal UI and the temporal CLI ask, so that neither
// needs a key.
//
//	POST /codec/decode   {"payloads": [...]} -> {"payloads": [...]}
//	POST /codec/encode   the same, for the arguments of a signal or an update
//	     /codec/session  signs a browser in
//
// Each request needs a token with the scope ops. The CLI sends it as it is told
// (--codec-auth "Bearer TOKEN"), and so does a Temporal UI in which people sign
// in. A Temporal UI without sign-in has no token to send, but it can send
// cookies: /codec/session takes a token from a form and gives it to the browser
// as a cookie, which counts only with an Origin that is allowed to read.
//
// Routes exist only where payloads are encrypted. The package knows no keys and
// reads no orders.
package codecapi
