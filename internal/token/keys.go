package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
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
	// Audience is the aud of every token for the public API.
	Audience = "orderflow"
)

// Keys signs development tokens. It is safe for concurrent use.
type Keys struct {
	private jwk.Key
}

// OpenKeys reads the signing key in dir, or makes folder and key when there is
// none; created says so. Processes that start at once agree on one key. The
// public half is added to the folder's key set if it is not in it, so that a
// verifier can be opened as soon as OpenKeys has returned.
//
// An error means that the folder cannot be used: it is not writable, or a file
// in it is damaged. To make all development tokens worthless, remove the
// folder.
func OpenKeys(dir string) (keys *Keys, created bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("making the key folder: %w", err)
	}
	path := filepath.Join(dir, SigningKeyFile)
	private, err := readSigningKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = createSigningKey(path); err == nil {
			private, err = readSigningKey(path)
		}
	}
	if err != nil {
		return nil, false, err
	}
	if err := publish(private, filepath.Join(dir, KeySetFile)); err != nil {
		return nil, false, err
	}
	return &Keys{private: private}, created, nil
}

// Issue signs a token for subject that is valid from now for ttl. Scope is a
// space-separated list of known scopes; it may be empty. An error says which
// argument is wrong.
func (k *Keys) Issue(subject, scope string, ttl time.Duration, now time.Time) (string, error) {
	switch {
	case !validSubject(subject):
		return "", fmt.Errorf("issuing a token: the subject must have 1 to %d bytes and no control character", maxSubject)
	case ttl <= 0:
		return "", fmt.Errorf("issuing a token: it must be valid for longer than %s", ttl)
	}
	scopes, err := parseScope(scope)
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
	headers := jws.NewHeaders()
	if err := headers.Set(jws.TypeKey, "JWT"); err != nil {
		return "", fmt.Errorf("issuing a token: %w", err)
	}
	signed, err := jwt.Sign(claims, jwt.WithKey(algorithm(), k.private, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return string(signed), nil
}

// algorithm is the one signature algorithm that is used and accepted.
func algorithm() jwa.SignatureAlgorithm { return jwa.ES256() }

func readSigningKey(path string) (jwk.Key, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	key, err := jwk.ParseKey(content)
	if err != nil {
		// The library's error may quote the file, which is a secret.
		return nil, fmt.Errorf("reading the signing key: %s holds no JWK", path)
	}
	private, err := jwk.IsPrivateKey(key)
	_, hasID := key.KeyID()
	if err != nil || !private || !hasID || !signsWith(key, algorithm()) {
		return nil, fmt.Errorf("reading the signing key: %s holds no private %s key with a kid", path, algorithm())
	}
	return key, nil
}

// createSigningKey makes a key unless another process has just made one, which
// created = false says. A hard link either makes the complete file or fails.
func createSigningKey(path string) (created bool, err error) {
	key, err := newSigningKey()
	if err != nil {
		return false, fmt.Errorf("making the signing key: %w", err)
	}
	temporary, err := writeTemporary(path, key, 0o600)
	if err != nil {
		return false, fmt.Errorf("writing the signing key: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(temporary)) }()

	switch err := os.Link(temporary, path); {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("writing the signing key: %w", err)
	}
	return true, nil
}

func newSigningKey() (jwk.Key, error) {
	raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, err
	}
	// The kid is the key's thumbprint (RFC 7638).
	err = jwk.AssignKeyID(key, jwk.WithThumbprintHash(crypto.SHA256))
	return key, errors.Join(err,
		key.Set(jwk.AlgorithmKey, algorithm()),
		key.Set(jwk.KeyUsageKey, jwk.ForSignature))
}

// publish adds the public half of the key to the key set. Older keys stay: the
// tokens that they signed are valid until they expire.
func publish(private jwk.Key, path string) error {
	public, err := private.PublicKey()
	if err != nil {
		return fmt.Errorf("deriving the public key: %w", err)
	}
	set := jwk.NewSet()
	switch content, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("reading the key set: %w", err)
	default:
		if set, err = jwk.Parse(content); err != nil {
			return fmt.Errorf("reading the key set: %s holds no JWK set", path)
		}
	}
	kid, _ := public.KeyID()
	if _, known := set.LookupKeyID(kid); known {
		return nil
	}
	if err := set.AddKey(public); err != nil {
		return fmt.Errorf("adding to the key set: %w", err)
	}
	temporary, err := writeTemporary(path, set, 0o644)
	if err != nil {
		return fmt.Errorf("writing the key set: %w", err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return errors.Join(fmt.Errorf("writing the key set: %w", err), os.Remove(temporary))
	}
	return nil
}

// writeTemporary writes value as JSON to a new file beside path and returns
// the file's name. Its content is on disk when the call returns.
func writeTemporary(path string, value any, mode fs.FileMode) (name string, err error) {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", err
	}
	_, writeErr := file.Write(append(content, '\n'))
	err = errors.Join(file.Chmod(mode), writeErr, file.Sync(), file.Close())
	if err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}
