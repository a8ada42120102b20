package servicetoken

import (
	"context"
	"fmt"
	"time"

	"orderflow/internal/jose"
)

// Caller is who makes a call.
type Caller struct {
	// Component is "gateway", "workers" or whoever else has the signing key.
	Component string
	// Subject is for whom the call is made, "" when the component does not say.
	Subject string
}

// longest is the longest time that a token may be valid in all. Who has stolen
// the key may not make one that outlives its removal.
const longest = backdated + Lifetime + jose.Leeway

// Verifier checks the tokens that one service is sent. It is safe for
// concurrent use.
type Verifier struct {
	keys   *jose.Set
	tokens *jose.Verifier
	known  recent[string, verified]
}

// verified is what a token was found to say.
type verified struct {
	caller Caller
	until  time.Time
	// version is that of the key set: a key that was removed takes its tokens
	// with it.
	version uint64
}

// NewVerifier returns the verifier of a service.
func NewVerifier(keys *jose.Set, service string) *Verifier {
	return &Verifier{
		keys:   keys,
		tokens: jose.NewVerifier(keys, jose.Expected{Audience: service}, nil),
		known:  recent[string, verified]{size: remembered},
	}
}

// Verify returns who makes a call with the token. An error that wraps
// jose.ErrInvalid is a refusal; others mean that tokens cannot be checked now.
func (v *Verifier) Verify(ctx context.Context, compact string) (Caller, error) {
	now, version := time.Now(), v.keys.Version()
	if known, found := v.known.get(compact); found && known.version == version && now.Before(known.until) {
		return known.caller, nil
	}
	claims, err := v.tokens.Verify(ctx, compact)
	if err != nil {
		return Caller{}, err
	}
	var caller Caller
	caller.Component, _ = claims.Issuer()
	caller.Subject, _ = claims.Subject()
	if caller.Component == "" {
		return Caller{}, fmt.Errorf("%w: it does not say who calls", jose.ErrInvalid)
	}
	issued, dated := claims.IssuedAt()
	expires, _ := claims.Expiration()
	if !dated || expires.Sub(issued) > longest {
		return Caller{}, fmt.Errorf("%w: it would be valid for longer than %v, or does not say since when", jose.ErrInvalid, longest)
	}
	until := now.Add(Lifetime)
	if expires.Before(until) {
		until = expires
	}
	v.known.put(compact, verified{caller: caller, until: until, version: version})
	return caller, nil
}
