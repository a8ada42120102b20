package jose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// ErrInvalid is what every refusal of a token wraps. The rest of its text says
// why; it quotes nothing of the token, and is for the log and not for the
// client.
var ErrInvalid = errors.New("invalid token")

const (
	// maxTokenBytes bounds the work that a stranger can cause.
	maxTokenBytes = 8 << 10
	// Leeway allows for clocks that differ a little.
	Leeway = 5 * time.Second
)

// Verifier checks tokens of one issuer for one audience. It is safe for
// concurrent use.
type Verifier struct {
	keys     *Set
	expected Expected
	now      func() time.Time
}

// Expected is what a token must say. An empty Issuer is for sets whose keys
// belong to several issuers of ours.
type Expected struct {
	Issuer   string
	Audience string
}

// NewVerifier returns a verifier. Now is the clock, nil for time.Now.
func NewVerifier(keys *Set, expected Expected, now func() time.Time) *Verifier {
	if now == nil {
		now = time.Now
	}
	return &Verifier{keys: keys, expected: expected, now: now}
}

// Verify checks a token in compact form and returns its claims. When its kid is
// not known, it may wait for the source of the keys: a fraction of a second, or
// some seconds while no key is known at all.
//
// The errors: one that wraps ErrInvalid is a refusal, whose reason is not for
// the client; ErrNoKeys, and that of ctx, say nothing about the token.
func (v *Verifier) Verify(ctx context.Context, compact string) (jwt.Token, error) {
	kid, algorithm, err := headerOf(compact)
	if err != nil {
		return nil, refusal(err)
	}
	key, known, err := v.keys.find(ctx, kid)
	switch {
	case err != nil:
		return nil, err
	case !known:
		return nil, refusal(errors.New("the kid is unknown"))
	case algorithm != key.algorithm.String():
		return nil, refusal(fmt.Errorf("not signed with %s, as its key is for", key.algorithm))
	}
	options := []jwt.ParseOption{
		jwt.WithKey(key.algorithm, key.key),
		jwt.WithValidate(true),
		jwt.WithClock(jwt.ClockFunc(v.now)),
		jwt.WithAcceptableSkew(Leeway),
		jwt.WithAudience(v.expected.Audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey),
	}
	if v.expected.Issuer != "" {
		options = append(options, jwt.WithIssuer(v.expected.Issuer))
	}
	claims, err := jwt.ParseString(compact, options...)
	if err != nil {
		return nil, refusal(err)
	}
	return claims, nil
}

// headerOf reads which key and algorithm a token names, after everything else
// in its header was found to be as a bearer token's should be.
func headerOf(compact string) (kid, algorithm string, err error) {
	if len(compact) > maxTokenBytes {
		return "", "", fmt.Errorf("longer than %d bytes", maxTokenBytes)
	}
	// The library also reads the JSON serializations, which may have several
	// signatures and unprotected headers. A bearer token has neither.
	if strings.Count(compact, ".") != 2 || !strings.HasPrefix(compact, "ey") {
		return "", "", errors.New("not in the compact serialization")
	}
	message, err := jws.ParseString(compact)
	if err != nil {
		return "", "", errors.New("not a JSON Web Signature")
	}
	if len(message.Signatures()) != 1 {
		return "", "", errors.New("not exactly one signature")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if header.Has(jws.CriticalKey) {
		return "", "", errors.New("critical header extensions are not understood")
	}
	kid, _ = header.KeyID()
	if kid == "" {
		return "", "", errors.New("the kid is missing")
	}
	named, _ := header.Algorithm()
	return kid, named.String(), nil
}

func refusal(err error) error { return fmt.Errorf("%w: %w", ErrInvalid, err) }
