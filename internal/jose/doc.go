// Package jose signs and verifies JSON Web Tokens (RFC 7519) for the packages
// that give them a meaning: internal/token for the public API, and
// internal/servicetoken between our own processes.
//
// A [SigningKey] is a private key that the product makes for itself, with its
// public half in a JWK set (RFC 7517) beside it. A [Set] follows the public
// keys of an issuer, wherever they are: in a file, at a URL, or where OpenID
// Connect discovery says. A [Verifier] checks tokens against a set.
//
// What is checked follows RFC 8725 (best current practices): every key has one
// algorithm, which is asymmetric and never taken from the token; the key is
// chosen by the token's kid among those of the set; keys that a token carries
// or points to are ignored; issuer, audience and times must all be right.
//
// It does not know what a token allows, and it issues none to strangers.
package jose
