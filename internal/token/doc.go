// Package token gives the bearer tokens of the public API their meaning: whom a
// JSON Web Token speaks for, and what it allows. How tokens are signed and
// verified is the matter of package jose.
//
// [Keys] is the development mode: a signing key that the product makes for
// itself at its first start, in a folder that gateway and starter share.
// [Verifier] needs the public keys of an issuer only, and does not care who
// signed.
//
// It is not an identity provider: it knows no users and no passwords, and it
// cannot take a token back before it expires.
package token
