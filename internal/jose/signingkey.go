package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"orderflow/internal/atomicfile"
)

// SigningKey signs tokens with ES256. It is safe for concurrent use.
type SigningKey struct {
	private jwk.Key
}

// OpenSigningKey reads the private key (a JWK) in the file keyFile, or makes
// one when there is none; created says so. Processes that start at once agree
// on one key. The public half is added to the JWK set in the file setFile if it
// is not in it, so that a verifier can be opened as soon as OpenSigningKey has
// returned; older keys of the set stay, because tokens that they signed are
// valid until they expire. So removing keyFile replaces the key.
//
// Both folders are made if need be. An error means that a file cannot be used:
// it is not writable, or damaged.
func OpenSigningKey(keyFile, setFile string) (key *SigningKey, created bool, err error) {
	for _, file := range []string{keyFile, setFile} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, false, fmt.Errorf("making the key folder: %w", err)
		}
	}
	key, err = ReadSigningKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if created, err = createSigningKey(keyFile); err == nil {
			key, err = ReadSigningKey(keyFile)
		}
	}
	if err != nil {
		return nil, false, err
	}
	if err := publish(key.private, setFile); err != nil {
		return nil, false, err
	}
	return key, created, nil
}

// ReplaceSigningKey puts a new key in the place of the one in keyFile, whose
// public half stays in the set.
func ReplaceSigningKey(keyFile, setFile string) (*SigningKey, error) {
	if err := os.Remove(keyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replacing the signing key: %w", err)
	}
	key, _, err := OpenSigningKey(keyFile, setFile)
	return key, err
}

// ReadSigningKey reads the private key in a file. An error says which file
// cannot be used and why; it is fs.ErrNotExist when there is none.
func ReadSigningKey(path string) (*SigningKey, error) {
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
	algorithm, usable := algorithmOf(key)
	if err != nil || !private || !hasID || !usable || algorithm != jwa.ES256() {
		return nil, fmt.Errorf("reading the signing key: %s holds no private %s key with a kid", path, jwa.ES256())
	}
	return &SigningKey{private: key}, nil
}

// ID is the key's kid: its thumbprint (RFC 7638) in hexadecimal digits.
func (k *SigningKey) ID() string {
	id, _ := k.private.KeyID()
	return id
}

// Sign returns the claims as a signed token in compact form.
func (k *SigningKey) Sign(claims jwt.Token) (string, error) {
	headers := jws.NewHeaders()
	if err := headers.Set(jws.TypeKey, "JWT"); err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	signed, err := jwt.Sign(claims, jwt.WithKey(jwa.ES256(), k.private, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return string(signed), nil
}

// String keeps the key out of logs.
func (k *SigningKey) String() string { return "signing key " + k.ID() }

// GoString keeps the key out of %#v.
func (k *SigningKey) GoString() string { return k.String() }

// createSigningKey makes a key unless another process has just made one, which
// created = false says.
func createSigningKey(path string) (created bool, err error) {
	key, err := newSigningKey()
	if err != nil {
		return false, fmt.Errorf("making the signing key: %w", err)
	}
	content, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return false, fmt.Errorf("making the signing key: %w", err)
	}
	if created, err = atomicfile.Create(path, append(content, '\n'), 0o600); err != nil {
		return false, fmt.Errorf("writing the signing key: %w", err)
	}
	return created, nil
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
	thumbprint, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return key, errors.Join(
		// In base64url, one of 64 would begin with a hyphen, and be a flag to a
		// program that it is pasted to as an argument.
		key.Set(jwk.KeyIDKey, hex.EncodeToString(thumbprint)),
		key.Set(jwk.AlgorithmKey, jwa.ES256()),
		key.Set(jwk.KeyUsageKey, jwk.ForSignature))
}
