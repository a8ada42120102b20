// Package token makes and verifies the bearer tokens of the public API: JSON
// Web Tokens (RFC 7519) signed with ES256.
//
// [Keys] is the development mode: a signing key that the product makes for
// itself at its first start, in a folder that gateway and starter share, with
// the public half beside it as a JWK set (RFC 7517). [Verifier] needs that set
// only, and does not care who signed.
//
// What is checked follows RFC 8725 (best current practices): the algorithm is
// pinned and never taken from the token, the key is chosen by the token's kid
// among ours, keys that a token carries or points to are ignored, and issuer,
// audience and times must all be right.
//
// It is not an identity provider: it knows no users and no passwords, and it
// cannot take a token back before it expires.
package token
