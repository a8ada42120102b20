package auth

import (
	"context"
	"strings"

	"orderflow/internal/apikey"
	"orderflow/internal/token"
)

// Credentials checks both kinds of bearer tokens: tokens of the issuer, and API
// keys. A key is known by its prefix, which no token has.
type Credentials struct {
	Tokens Verifier
	Keys   Verifier
}

var _ Verifier = Credentials{}

// Verify implements Verifier.
func (c Credentials) Verify(ctx context.Context, credential string) (token.Principal, error) {
	if strings.HasPrefix(credential, apikey.Prefix) {
		return c.Keys.Verify(ctx, credential)
	}
	return c.Tokens.Verify(ctx, credential)
}
