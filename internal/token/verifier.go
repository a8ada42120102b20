package token

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"orderflow/internal/jose"
)

// ErrInvalid is what every refusal of a token wraps. The rest of its text says
// why; it quotes nothing of the token, and is for the log and not for the
// client.
var ErrInvalid = jose.ErrInvalid

// Claims that hold what a token allows. Issuers differ: scope is a list
// separated by spaces (RFC 8693, section 4.2; RFC 9068), scp the same at Entra
// ID, and an array at Okta. Where both are there, scope counts.
const (
	scopeClaim = "scope"
	scpClaim   = "scp"
)

// Verifier says whom a token speaks for. It is safe for concurrent use.
type Verifier struct {
	tokens *jose.Verifier
}

// NewVerifier returns a verifier of tokens that are signed with one of the keys
// and say what is expected. Now is the clock, nil for time.Now.
func NewVerifier(keys *jose.Set, expected jose.Expected, now func() time.Time) *Verifier {
	return &Verifier{tokens: jose.NewVerifier(keys, expected, now)}
}

// OpenVerifier reads the JWK set in the file at path, and follows it. Tokens
// must come from issuer, for Audience. Now is the clock, nil for time.Now. An
// error means that the file cannot be used: it is not there, damaged, or has no
// usable key.
func OpenVerifier(path, issuer string, now func() time.Time) (*Verifier, error) {
	keys, err := jose.OpenFile(path, nil)
	if err != nil {
		return nil, err
	}
	return NewVerifier(keys, jose.Expected{Issuer: issuer, Audience: Audience}, now), nil
}

// Verify checks a token in compact form and returns whom it speaks for. An
// error that wraps ErrInvalid is a refusal: answer 401, and do not say why.
// Others mean that tokens cannot be checked now.
func (v *Verifier) Verify(ctx context.Context, compact string) (Principal, error) {
	claims, err := v.tokens.Verify(ctx, compact)
	if err != nil {
		return Principal{}, err
	}
	subject, _ := claims.Subject()
	if err := CheckSubject(subject); err != nil {
		return Principal{}, fmt.Errorf("%w: unusable subject", ErrInvalid)
	}
	scopes, err := scopesOf(claims)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Principal{Subject: subject, Scopes: scopes}, nil
}

// scopesOf returns what the token allows; without a claim of that, nothing.
func scopesOf(claims jwt.Token) ([]string, error) {
	if claims.Has(scopeClaim) {
		var list string
		if err := claims.Get(scopeClaim, &list); err != nil {
			return nil, fmt.Errorf("the claim %s is no string", scopeClaim)
		}
		return strings.Fields(list), nil
	}
	if !claims.Has(scpClaim) {
		return nil, nil
	}
	var claim any
	if err := claims.Get(scpClaim, &claim); err != nil {
		return nil, fmt.Errorf("the claim %s cannot be read", scpClaim)
	}
	switch list := claim.(type) {
	case string:
		return strings.Fields(list), nil
	case []any:
		scopes := make([]string, 0, len(list))
		for _, item := range list {
			scope, isText := item.(string)
			if !isText {
				return nil, fmt.Errorf("the claim %s holds something else than strings", scpClaim)
			}
			scopes = append(scopes, scope)
		}
		return scopes, nil
	default:
		return nil, fmt.Errorf("the claim %s is neither a string nor an array", scpClaim)
	}
}
