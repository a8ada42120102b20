// Package apikey keeps the API keys of machines: partners and jobs that call
// the public API and can keep a secret, but cannot fetch a token anew all the
// time.
//
// A key is one line of text, "ofk_<id>_<secret>", and is sent like a token, as
// "Authorization: Bearer ofk_…". It speaks for a subject, allows scopes, and
// usually ends at some time. The id names it in lists and logs and is no
// secret; the prefix lets scanners find keys that were published by mistake.
//
// Only the SHA-256 of the secret is kept. A slow password hash would add
// nothing: it protects secrets that can be guessed, and this one is 256 random
// bits. It would add its cost to every request, though.
//
// The keys are in one JSON file. [Create], [List] and [Revoke] work on it;
// a [Store] follows it, so that a new key works, and a revoked one does not,
// without a restart. No error, log line or text form shows a secret.
package apikey
