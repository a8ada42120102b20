package token

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// ErrInvalid is what every refusal of a token wraps. The rest of its text says
// why; it quotes nothing of the token, and is for the log and not for the
// client.
var ErrInvalid = errors.New("invalid token")

const (
	scopeClaim = "scope"
	// maxTokenBytes bounds the work that a stranger can cause.
	maxTokenBytes = 8 << 10
	// leeway allows for clocks that differ a little.
	leeway = 5 * time.Second
)

// Verifier checks tokens against a fixed set of public keys. It is safe for
// concurrent use.
type Verifier struct {
	keys   map[string]jwk.Key
	issuer string
	now    func() time.Time
}

// OpenVerifier reads the JWK set in the file at path. Tokens must come from
// issuer. Now is the clock, nil for time.Now. An error means that the file
// cannot be used: it is not there, damaged, or has no usable key.
func OpenVerifier(path, issuer string, now func() time.Time) (*Verifier, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %w", err)
	}
	set, err := jwk.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %s holds no JWK set", path)
	}
	keys, err := usableKeys(set)
	if err != nil {
		return nil, fmt.Errorf("reading the key set: %s: %w", path, err)
	}
	if now == nil {
		now = time.Now
	}
	return &Verifier{keys: keys, issuer: issuer, now: now}, nil
}

// usableKeys picks the keys that can have signed a token. Keys for other uses
// may stand in the same set (RFC 7517, section 5).
func usableKeys(set jwk.Set) (map[string]jwk.Key, error) {
	keys := make(map[string]jwk.Key, set.Len())
	for i := range set.Len() {
		key, _ := set.Key(i)
		kid, _ := key.KeyID()
		if kid == "" || !signsWith(key, algorithm()) {
			continue
		}
		if _, twice := keys[kid]; twice {
			return nil, fmt.Errorf("two keys have the kid %q", kid)
		}
		public, err := key.PublicKey()
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", kid, err)
		}
		keys[kid] = public
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no %s key with a kid", algorithm())
	}
	return keys, nil
}

// signsWith reports whether the key is of the algorithm's type and says no
// other algorithm or use.
func signsWith(key jwk.Key, want jwa.SignatureAlgorithm) bool {
	var curve jwa.EllipticCurveAlgorithm
	if key.KeyType() != jwa.EC() || key.Get(jwk.ECDSACrvKey, &curve) != nil || curve != jwa.P256() {
		return false
	}
	if got, said := key.Algorithm(); said && got.String() != want.String() {
		return false
	}
	use, said := key.KeyUsage()
	return !said || use == string(jwk.ForSignature)
}

// Verify checks a token in compact form and returns whom it speaks for. Every
// error wraps ErrInvalid: answer 401, and do not say why.
func (v *Verifier) Verify(compact string) (Principal, error) {
	key, err := v.keyOf(compact)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	claims, err := jwt.ParseString(compact,
		jwt.WithKey(algorithm(), key),
		jwt.WithValidate(true),
		jwt.WithClock(jwt.ClockFunc(v.now)),
		jwt.WithAcceptableSkew(leeway),
		jwt.WithIssuer(v.issuer),
		jwt.WithAudience(Audience),
		jwt.WithRequiredClaim(jwt.ExpirationKey),
		jwt.WithRequiredClaim(jwt.SubjectKey),
	)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return principalOf(claims)
}

// keyOf returns the key that the token's header names, after everything else
// in the header was found to be as we write it.
func (v *Verifier) keyOf(compact string) (jwk.Key, error) {
	if len(compact) > maxTokenBytes {
		return nil, fmt.Errorf("longer than %d bytes", maxTokenBytes)
	}
	// The library also reads the JSON serializations, which may have several
	// signatures and unprotected headers. A bearer token has neither.
	if strings.Count(compact, ".") != 2 || !bytes.HasPrefix([]byte(compact), []byte("ey")) {
		return nil, errors.New("not in the compact serialization")
	}
	message, err := jws.ParseString(compact)
	if err != nil {
		return nil, errors.New("not a JSON Web Signature")
	}
	if len(message.Signatures()) != 1 {
		return nil, errors.New("not exactly one signature")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if used, _ := header.Algorithm(); used != algorithm() {
		return nil, fmt.Errorf("not signed with %s", algorithm())
	}
	if header.Has(jws.CriticalKey) {
		return nil, errors.New("critical header extensions are not understood")
	}
	kid, _ := header.KeyID()
	key, known := v.keys[kid]
	if !known {
		return nil, errors.New("the kid is missing or unknown")
	}
	return key, nil
}

func principalOf(claims jwt.Token) (Principal, error) {
	subject, _ := claims.Subject()
	if !validSubject(subject) {
		return Principal{}, fmt.Errorf("%w: unusable subject", ErrInvalid)
	}
	principal := Principal{Subject: subject}
	if !claims.Has(scopeClaim) {
		return principal, nil
	}
	var scope string
	if err := claims.Get(scopeClaim, &scope); err != nil {
		return Principal{}, fmt.Errorf("%w: the scope is no string", ErrInvalid)
	}
	principal.Scopes = strings.Fields(scope)
	return principal, nil
}
