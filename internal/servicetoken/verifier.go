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

// Verifier checks the tokens that one service is sent. It is safe for
// concurrent use.
type Verifier struct {
	tokens *jose.Verifier
	known  recent[string, verified]
}

// verified is what a token was found to say.
type verified struct {
	caller Caller
	until  time.Time
}

// NewVerifier returns the verifier of a service.
func NewVerifier(keys *jose.Set, service string) *Verifier {
	return &Verifier{
		tokens: jose.NewVerifier(keys, jose.Expected{Audience: service}, nil),
		known:  recent[string, verified]{size: remembered},
	}
}

// Verify returns who makes a call with the token. An error that wraps
// jose.ErrInvalid is a refusal; others mean that tokens cannot be checked now.
func (v *Verifier) Verify(ctx context.Context, compact string) (Caller, error) {
	if known, found := v.known.get(compact); found && time.Now().Before(known.until) {
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
	until, _ := claims.Expiration()
	v.known.put(compact, verified{caller: caller, until: until})
	return caller, nil
}
