package token

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"orderflow/internal/jose"
)

// Files in the key folder.
const (
	// SigningKeyFile holds the private key (JWK), readable by its owner only.
	SigningKeyFile = "signing-key.jwk"
	// KeySetFile holds the public keys that tokens may be signed with (JWK
	// set).
	KeySetFile = "jwks.json"
)

const (
	// DevelopmentIssuer is the iss of tokens that Keys signs.
	DevelopmentIssuer = "orderflow-development"
	// Audience is the aud of tokens for the public API, unless it is set
	// otherwise.
	Audience = "orderflow"
)

// Keys signs development tokens. It is safe for concurrent use.
type Keys struct {
	signing *jose.SigningKey
}

// OpenKeys reads the signing key in dir, or makes folder and key when there is
// none; created says so. Processes that start at once agree on one key, and a
// verifier can be opened as soon as OpenKeys has returned.
//
// An error means that the folder cannot be used: it is not writable, or a file
// in it is damaged. To make all development tokens worthless, remove the
// folder.
func OpenKeys(dir string) (keys *Keys, created bool, err error) {
	signing, created, err := jose.OpenSigningKey(filepath.Join(dir, SigningKeyFile), filepath.Join(dir, KeySetFile))
	if err != nil {
		return nil, false, err
	}
	return &Keys{signing: signing}, created, nil
}

// Issue signs a token for subject that is valid from now for ttl. Scope is a
// space-separated list of known scopes; it may be empty. An error says which
// argument is wrong.
func (k *Keys) Issue(subject, scope string, ttl time.Duration, now time.Time) (string, error) {
	if err := CheckSubject(subject); err != nil {
		return "", fmt.Errorf("issuing a token: %w", err)
	}
	if ttl <= 0 {
		return "", fmt.Errorf("issuing a token: it must be valid for longer than %s", ttl)
	}
	scopes, err := ParseScope(scope)
	if err != nil {
		return "", fmt.Errorf("issuing a token: %w", err)
	}
	claims, err := jwt.NewBuilder().
		Issuer(DevelopmentIssuer).
		Audience([]string{Audience}).
		Subject(subject).
		JwtID(uuid.NewString()).
		IssuedAt(now).
		NotBefore(now).
		Expiration(now.Add(ttl)).
		Claim(scopeClaim, strings.Join(scopes, " ")).
		Build()
	if err != nil {
		return "", fmt.Errorf("issuing a token: %w", err)
	}
	return k.signing.Sign(claims)
}
