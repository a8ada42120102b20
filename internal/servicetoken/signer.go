package servicetoken

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"orderflow/internal/jose"
	"orderflow/internal/token"
)

const (
	scheme = "Bearer "

	// Lifetime is how long a token is valid from when it was made.
	Lifetime = time.Minute
	// backdated is how far a caller's clock may be ahead of a service's: a
	// token is said to be that much older than it is, because one from the
	// future is refused.
	backdated = 30 * time.Second
	// renewAfter leaves each token half its life for the way, for calls that
	// wait and for clocks that differ.
	renewAfter = Lifetime / 2
	// remembered is how many tokens a process keeps at least: subjects of the
	// last half minute times the services that were called for them.
	remembered = 1_000
)

// Signer makes the Authorization headers of a component's calls. It is safe for
// concurrent use.
type Signer struct {
	key       *jose.SigningKey
	component string
	subject   func(ctx context.Context) string
	tokens    recent[purpose, minted]
}

// purpose is what one token is good for.
type purpose struct{ audience, subject string }

type minted struct {
	header []string
	at     time.Time
}

// NewSigner returns the signer of a component, such as "gateway". Subject says
// for whom a call is made, "" when that is not to be told; it may be nil. Each
// subject costs a signature for each service.
func NewSigner(key *jose.SigningKey, component string, subject func(ctx context.Context) string) *Signer {
	if subject == nil {
		subject = func(context.Context) string { return "" }
	}
	return &Signer{key: key, component: component, subject: subject, tokens: recent[purpose, minted]{size: remembered}}
}

// Token returns a token for calls to the service.
func (s *Signer) Token(ctx context.Context, service string) (string, error) {
	header, err := s.Authorization(ctx, service)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(header[0], scheme), nil
}

// Authorization returns the values of the Authorization header for a call to
// the service. All calls share them: they must not be changed.
func (s *Signer) Authorization(ctx context.Context, service string) ([]string, error) {
	now, wanted := time.Now(), purpose{audience: service, subject: s.subject(ctx)}
	if known, found := s.tokens.get(wanted); found && now.Sub(known.at) < renewAfter {
		return known.header, nil
	}
	compact, err := s.sign(wanted, now)
	if err != nil {
		return nil, fmt.Errorf("signing a call to %s: %w", service, err)
	}
	made := minted{header: []string{scheme + compact}, at: now}
	s.tokens.put(wanted, made)
	return made.header, nil
}

func (s *Signer) sign(p purpose, now time.Time) (string, error) {
	claims := jwt.NewBuilder().
		Issuer(s.component).
		Audience([]string{p.audience}).
		IssuedAt(now.Add(-backdated)).
		Expiration(now.Add(Lifetime))
	// A subject that no token may have would have every call refused.
	if token.CheckSubject(p.subject) == nil {
		claims = claims.Subject(p.subject)
	}
	built, err := claims.Build()
	if err != nil {
		return "", err
	}
	return s.key.Sign(built)
}
